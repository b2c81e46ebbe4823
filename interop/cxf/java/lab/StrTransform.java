package lab;

import java.io.StringReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import javax.xml.XMLConstants;
import org.apache.cxf.staxutils.StaxUtils;
import org.apache.wss4j.common.WSEncryptionPart;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.message.WSSecHeader;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.wss4j.dom.message.WSSecTimestamp;
import org.apache.wss4j.dom.message.token.KerberosSecurity;
import org.apache.wss4j.dom.util.WSSecurityUtil;
import org.w3c.dom.Document;

/**
 * What CXF's policy layer does not send but WSS4J can make: requests whose signature covers the Kerberos token through the
 * STR-Transform, by way of the SecurityTokenReference in its KeyInfo. One request, with a token of its own, for each form:
 * prefixed: the document has no default namespace; no-encoding-type: so too, and the token has no EncodingType;
 * default: the Envelope declares a default namespace; undeclared: so too, and the token undeclares it.
 * usage: StrTransform -url URL [-forms prefixed,default] [-context alice] [-spn bob@service.ws.apache.org]
 */
public final class StrTransform {
    private static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";

    private StrTransform() { }

    public static void main(String[] args) throws Exception {
        System.exit(run(args));
    }

    /** The exit status. */
    public static int run(String[] args) throws Exception {
        WSSConfig.init();
        String[] forms = Lab.opt(args, "forms", "prefixed,no-encoding-type,default,undeclared").split(",");
        int ok = 0;
        for (String form : forms) {
            Document doc = signed(args, form);
            HttpResponse<String> r = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build().send(
                HttpRequest.newBuilder(URI.create(Lab.opt(args, "url", "http://localhost:9101/KtpSymmetricSTRTransform")))
                    .header("Content-Type", "text/xml; charset=UTF-8").header("SOAPAction", "\"\"")
                    .POST(HttpRequest.BodyPublishers.ofString(StaxUtils.toString(doc.getDocumentElement()))).build(),
                HttpResponse.BodyHandlers.ofString());
            boolean good = r.statusCode() == 200;
            ok += good ? 1 : 0;
            System.out.println(form + ": HTTP " + r.statusCode()
                + (good ? "" : " " + r.body().replaceAll("(?s).*<faultstring>(.*?)</faultstring>.*", "$1")));
        }
        System.out.println("RESULT StrTransform ok=" + ok + " of " + forms.length);
        return ok == forms.length ? 0 : 1;
    }

    private static Document signed(String[] args, String form) throws Exception {
        boolean dflt = form.equals("default") || form.equals("undeclared");
        Document doc = StaxUtils.read(new StringReader("<soap:Envelope" + (dflt ? " xmlns=\"urn:example:default\"" : "") + " xmlns:soap=\"" + SOAP
            + "\"><soap:Header/><soap:Body><ns2:DoubleIt xmlns:ns2=\"http://www.example.org/schema/DoubleIt\"><numberToDouble"
            + (dflt ? " xmlns=\"\"" : "") + ">25</numberToDouble></ns2:DoubleIt></soap:Body></soap:Envelope>"));
        WSSecHeader h = new WSSecHeader(doc);
        h.insertSecurityHeader();
        new WSSecTimestamp(h).build();
        KerberosSecurity bst = new KerberosSecurity(doc);
        bst.retrieveServiceTicket(Lab.opt(args, "context", "alice"), null, Lab.opt(args, "spn", "bob@service.ws.apache.org"));
        bst.addWSUNamespace();
        bst.setID("BST-1");
        if (form.equals("no-encoding-type")) {
            bst.getElement().removeAttributeNS(null, "EncodingType");
        }
        if (form.equals("undeclared")) {
            bst.getElement().setAttributeNS(XMLConstants.XMLNS_ATTRIBUTE_NS_URI, "xmlns", "");
        }
        // The token is in its place before the signature is made: the namespaces in scope there are part of what is hashed.
        WSSecurityUtil.prependChildElement(h.getSecurityHeaderElement(), bst.getElement());
        WSSecSignature sig = new WSSecSignature(h);
        sig.setSignatureAlgorithm(WSConstants.HMAC_SHA1);
        sig.setDigestAlgo(WSConstants.SHA1);
        sig.setKeyIdentifierType(WSConstants.CUSTOM_SYMM_SIGNING);
        sig.setCustomTokenValueType(WSConstants.WSS_GSS_KRB_V5_AP_REQ);
        sig.setCustomTokenId("BST-1");
        sig.setSecretKey(bst.getSecretKey().getEncoded());
        sig.getParts().addAll(List.of(new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, ""),
            new WSEncryptionPart("Body", SOAP, "Content"), new WSEncryptionPart("STRTransform", "", "Element")));
        sig.build(null);
        // WSS4J put the Signature first; the token goes before what refers to it.
        WSSecurityUtil.prependChildElement(h.getSecurityHeaderElement(), bst.getElement());
        return doc;
    }
}
