import jakarta.xml.ws.BindingProvider;
import java.net.URL;
import java.util.Map;
import made.DoubleItPortType;
import made.DoubleItService;

/**
 * Calls the service by the classes that wsdl2java has made in package made. Address and policy come from the WSDL; what is
 * set here is who the client is and whom it calls, which CXF does not take from a WSDL.
 */
public final class GeneratedClient {
    private GeneratedClient() { }

    public static void call(String wsdl, String spn, int count) throws Exception {
        DoubleItPortType port = new DoubleItService(new URL(wsdl)).getDoubleItPort();
        Map<String, Object> context = ((BindingProvider) port).getRequestContext();
        context.put("ws-security.kerberos.jaas.context", "alice");
        context.put("ws-security.kerberos.spn", spn);
        for (int i = 0; i < count; i++) {
            int doubled = port.doubleIt(25);
            String echo = port.echo(0, "q".repeat(5000));
            if (doubled != 50 || echo.length() != 5000) {
                throw new IllegalStateException("answered " + doubled + " and " + echo.length() + " characters");
            }
        }
        System.out.println("RESULT ok at " + context.get(BindingProvider.ENDPOINT_ADDRESS_PROPERTY));
    }
}
