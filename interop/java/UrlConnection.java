import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/**
 * Calls a service with the JDK's HttpURLConnection, which answers the challenge Negotiate by itself.
 *
 * usage: java UrlConnection.java URL...        for each a GET and a POST; prints status, then body or the challenge
 */
class UrlConnection {
    public static void main(String[] urls) throws Exception {
        for (String url : urls) {
            call(url, null);
            call(url, "hello".getBytes(StandardCharsets.UTF_8));
        }
    }

    static void call(String url, byte[] body) throws Exception {
        HttpURLConnection c = (HttpURLConnection) URI.create(url).toURL().openConnection();
        if (body != null) {
            c.setDoOutput(true); // and no setFixedLengthStreamingMode: the body is sent again after 401
            c.getOutputStream().write(body);
        }
        int status = c.getResponseCode();
        if (status != 200) {
            System.out.println(status + " " + c.getHeaderField("WWW-Authenticate"));
            return;
        }
        try (InputStream in = c.getInputStream()) {
            System.out.println(status + " " + new String(in.readAllBytes(), StandardCharsets.UTF_8).strip());
        }
    }
}
