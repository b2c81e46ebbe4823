package lab;

import java.io.File;
import javax.xml.namespace.QName;
import org.apache.cxf.jaxws.JaxWsServerFactoryBean;

/**
 * The service as CXF publishes it from a WSDL: ?wsdl and what that imports included. No policy, nothing protected.
 * usage: WsdlBackend -wsdl Plain.wsdl -address http://localhost:9100/DoubleIt
 */
public final class WsdlBackend {
    private WsdlBackend() { }

    public static void main(String[] args) throws Exception {
        JaxWsServerFactoryBean f = new JaxWsServerFactoryBean();
        f.setWsdlLocation(new File(Lab.opt(args, "wsdl", "Plain.wsdl")).toURI().toString());
        f.setServiceName(Lab.SERVICE);
        f.setEndpointName(new QName(Lab.NS, "DoubleItPort"));
        f.setAddress(Lab.opt(args, "address", "http://localhost:9100/DoubleIt"));
        f.setServiceBean(new LabImpl());
        f.create();
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
