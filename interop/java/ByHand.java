import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import org.ietf.jgss.ChannelBinding;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.Oid;

/**
 * Calls a service with java.net.http.HttpClient, which knows no Negotiate: the tokens are JGSS's, made and checked here.
 *
 * usage: java ByHand.java URL MECHANISM BINDING        MECHANISM is spnego or krb5; BINDING is bound, unbound, or foreign
 * prints status, whether the server has proved who it is, and the body
 */
class ByHand {
    public static void main(String[] args) throws Exception {
        URI url = URI.create(args[0]);
        HttpClient client = HttpClient.newHttpClient();
        GSSContext context = context(url.getHost(), args[1]);
        if (!args[2].equals("unbound")) {
            // The certificate is known after a first response only.
            HttpResponse<Void> challenge = client.send(HttpRequest.newBuilder(url).build(), HttpResponse.BodyHandlers.discarding());
            byte[] certificate = challenge.sslSession().orElseThrow().getPeerCertificates()[0].getEncoded();
            context.setChannelBinding(new ChannelBinding(endPoint(certificate, args[2].equals("foreign"))));
        }
        HttpRequest request = HttpRequest.newBuilder(url)
            .header("Authorization", "Negotiate " + Base64.getEncoder().encodeToString(context.initSecContext(new byte[0], 0, 0)))
            .POST(HttpRequest.BodyPublishers.ofString("hello")).build();
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() == 200) {
            byte[] token = Base64.getDecoder().decode(response.headers().firstValue("WWW-Authenticate").orElseThrow().substring("Negotiate ".length()));
            context.initSecContext(token, 0, token.length);
        }
        System.out.println(response.statusCode() + " " + (context.isEstablished() && context.getMutualAuthState()) + " " + response.body().strip());
    }

    static GSSContext context(String host, String mechanism) throws Exception {
        GSSManager manager = GSSManager.getInstance();
        Oid oid = new Oid(mechanism.equals("spnego") ? "1.3.6.1.5.5.2" : "1.2.840.113554.1.2.2");
        GSSName service = manager.createName("HTTP@" + host, GSSName.NT_HOSTBASED_SERVICE);
        GSSContext context = manager.createContext(service, oid, null, GSSContext.DEFAULT_LIFETIME);
        context.requestMutualAuth(true);
        return context;
    }

    /** tls-server-end-point (RFC 5929) of a certificate that is signed with SHA-256. */
    static byte[] endPoint(byte[] certificate, boolean foreign) throws Exception {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(certificate);
        if (foreign) {
            hash[0] ^= 1;
        }
        byte[] prefix = "tls-server-end-point:".getBytes(StandardCharsets.US_ASCII);
        byte[] binding = java.util.Arrays.copyOf(prefix, prefix.length + hash.length);
        System.arraycopy(hash, 0, binding, prefix.length, hash.length);
        return binding;
    }
}
