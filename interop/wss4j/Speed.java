import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.spec.SecretKeySpec;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamReader;
import org.apache.wss4j.binding.wss10.BinarySecurityTokenType;
import org.apache.wss4j.common.WSEncryptionPart;
import org.apache.wss4j.common.cache.ReplayCache;
import org.apache.wss4j.common.util.XMLUtils;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.engine.WSSecurityEngine;
import org.apache.wss4j.dom.engine.WSSecurityEngineResult;
import org.apache.wss4j.dom.handler.RequestData;
import org.apache.wss4j.dom.handler.WSHandlerResult;
import org.apache.wss4j.dom.message.WSSecEncrypt;
import org.apache.wss4j.dom.message.WSSecHeader;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.wss4j.dom.message.WSSecTimestamp;
import org.apache.wss4j.dom.validate.Credential;
import org.apache.wss4j.dom.validate.Validator;
import org.apache.wss4j.stax.ext.WSSConstants;
import org.apache.wss4j.stax.ext.WSSSecurityProperties;
import org.apache.wss4j.stax.impl.securityToken.KerberosServiceSecurityTokenImpl;
import org.apache.wss4j.stax.securityToken.WSSecurityTokenConstants;
import org.apache.wss4j.stax.setup.InboundWSSec;
import org.apache.wss4j.stax.setup.WSSec;
import org.apache.wss4j.stax.validate.BinarySecurityTokenValidator;
import org.apache.wss4j.stax.validate.TokenContext;
import org.apache.xml.security.stax.ext.XMLSecurityConstants;
import org.apache.xml.security.stax.securityToken.InboundSecurityToken;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * Verifies, decrypts and secures messages with WSS4J, and tells what CPU time that has taken. Its argument is the session
 * key, in hex: no ticket is opened. Each line of standard input is a job, "WORK COUNT FILE"; the answer is the CPU time of
 * the process for COUNT times that work on the message in the file, in nanoseconds, or why the message was refused.
 */
public class Speed {
    private static final int DAY = 86_400;

    private final byte[] key;
    private final WSSConfig config = WSSConfig.getNewInstance();
    private final InboundWSSec stax;
    private final XMLInputFactory input = XMLInputFactory.newInstance();

    Speed(byte[] key) throws Exception {
        this.key = key;
        config.setValidator(WSConstants.BINARY_TOKEN, (Validator) (Credential credential, RequestData data) -> {
            credential.setSecretKey(key);
            return credential;
        });
        WSSSecurityProperties properties = new WSSSecurityProperties();
        properties.setDisableBSPEnforcement(true); // which knows no Kerberos token
        properties.setStrictTimestampCheck(false);
        properties.setTimestampTTL(DAY);
        properties.setTimestampReplayCache(new NoReplays());
        properties.addValidator(WSSConstants.TAG_WSSE_BINARY_SECURITY_TOKEN, new GivenKey());
        stax = WSSec.getInboundWSSec(properties);
        input.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    }

    public static void main(String[] args) throws Exception {
        WSSConfig.init();
        Speed speed = new Speed(HexFormat.of().parseHex(args[0]));
        var os = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        var jobs = new BufferedReader(new InputStreamReader(System.in));
        for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
            String[] job = line.split(" ", 3);
            byte[] message = Files.readAllBytes(Path.of(job[2]));
            long before = os.getProcessCpuTime();
            try {
                for (int i = Integer.parseInt(job[1]); i > 0; i--) {
                    speed.work(job[0], message);
                }
                System.out.println(os.getProcessCpuTime() - before);
            } catch (Exception e) {
                System.out.println(("refused: " + e).replace('\n', ' '));
            }
        }
    }

    private void work(String name, byte[] message) throws Exception {
        switch (name) {
            case "dom-verify" -> verify(message);
            case "dom-exchange" -> secure(verify(message), false);
            case "stax-verify" -> verifyStream(message);
            case "dom-again" -> verify(secure(verify(message), true));
            default -> throw new IllegalArgumentException(name);
        }
    }

    /** Verifies and decrypts with DOM. */
    private Document verify(byte[] message) throws Exception {
        Document doc = org.apache.xml.security.utils.XMLUtils.read(new ByteArrayInputStream(message), true);
        RequestData data = new RequestData();
        data.setWssConfig(config);
        data.setDisableBSPEnforcement(true);
        data.setTimeStampStrict(false);
        data.setTimeStampTTL(DAY);
        data.setTimestampReplayCache(new NoReplays());
        WSHandlerResult results = new WSSecurityEngine().processSecurityHeader(doc, data);
        List<WSSecurityEngineResult> signatures = results.getActionResults().get(WSConstants.SIGN);
        var parts = (List<?>) signatures.get(0).get(WSSecurityEngineResult.TAG_DATA_REF_URIS);
        if (signatures.size() != 1 || parts.size() != 5 || !results.getActionResults().containsKey(WSConstants.ENCR)) {
            throw new IllegalStateException("parts that are signed: " + parts);
        }
        return doc;
    }

    /** Signs and encrypts the same again, and writes it; with its token too, if that is wanted. */
    private byte[] secure(Document doc, boolean withToken) throws Exception {
        WSSecHeader header = new WSSecHeader(doc);
        Element old = org.apache.wss4j.dom.util.WSSecurityUtil.getSecurityHeader(doc, null);
        Element token = XMLUtils.getDirectChildElement(old, "BinarySecurityToken", WSConstants.WSSE_NS);
        byte[] hash = MessageDigest.getInstance("SHA-1")
            .digest(Base64.getMimeDecoder().decode(token.getTextContent()));
        String identifier = Base64.getEncoder().encodeToString(hash);
        old.getParentNode().removeChild(old);
        header.insertSecurityHeader();

        WSSecTimestamp timestamp = new WSSecTimestamp(header);
        timestamp.build();

        WSSecSignature signature = new WSSecSignature(header);
        signature.setSignatureAlgorithm(WSConstants.HMAC_SHA1);
        signature.setDigestAlgo(WSConstants.SHA1);
        signature.setSecretKey(key);
        signature.setKeyIdentifierType(WSConstants.CUSTOM_KEY_IDENTIFIER);
        signature.setCustomTokenValueType(WSConstants.WSS_KRB_KI_VALUE_TYPE);
        signature.setCustomTokenId(identifier);
        String addressing = "http://www.w3.org/2005/08/addressing";
        signature.getParts().addAll(List.of(
            new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Element"),
            new WSEncryptionPart("Body", WSConstants.URI_SOAP11_ENV, "Element"),
            new WSEncryptionPart("To", addressing, "Element"), new WSEncryptionPart("Action", addressing, "Element"),
            new WSEncryptionPart("MessageID", addressing, "Element")));
        signature.build(null);

        WSSecEncrypt encryption = new WSSecEncrypt(header);
        encryption.setSymmetricEncAlgorithm(WSConstants.AES_256);
        encryption.setEncryptSymmKey(false);
        encryption.setKeyIdentifierType(WSConstants.CUSTOM_KEY_IDENTIFIER);
        encryption.setCustomReferenceValue(WSConstants.WSS_KRB_KI_VALUE_TYPE);
        encryption.setEncKeyId(identifier);
        encryption.getParts().add(new WSEncryptionPart("Body", WSConstants.URI_SOAP11_ENV, "Content"));
        encryption.build(null, new SecretKeySpec(key, "AES"));
        if (withToken) {
            header.getSecurityHeaderElement().insertBefore(token, header.getSecurityHeaderElement().getFirstChild());
        }

        ByteArrayOutputStream out = new ByteArrayOutputStream();
        XMLUtils.elementToStream(doc.getDocumentElement(), out);
        return out.toByteArray();
    }

    /** Verifies and decrypts with StAX: reads the message to its end. */
    private void verifyStream(byte[] message) throws Exception {
        XMLStreamReader reader = stax.processInMessage(input.createXMLStreamReader(new ByteArrayInputStream(message)));
        while (reader.hasNext()) {
            if (reader.next() == XMLStreamReader.START_ELEMENT && reader.getLocalName().equals("EncryptedData")) {
                throw new IllegalStateException("not decrypted");
            }
        }
    }

    /** Accepts every Kerberos token, with the key that was given. */
    private class GivenKey implements BinarySecurityTokenValidator {
        @Override
        public InboundSecurityToken validate(BinarySecurityTokenType token, TokenContext context) {
            var given = new KerberosServiceSecurityTokenImpl(context.getWsSecurityContext(), null,
                new byte[0], token.getValueType(), token.getId(),
                WSSecurityTokenConstants.KEYIDENTIFIER_SECURITY_TOKEN_DIRECT_REFERENCE) {
                @Override
                protected Key getKey(String algorithm, XMLSecurityConstants.AlgorithmUsage usage, String correlation) {
                    return new SecretKeySpec(key, XMLSecurityConstants.Enc.equals(usage) ? "AES" : "HmacSHA1");
                }
            };
            given.setElementPath(context.getElementPath());
            given.setXMLSecEvent(context.getFirstXMLSecEvent());
            return given;
        }
    }

    /** Takes every message for new: the same is measured many times. */
    private static class NoReplays implements ReplayCache {
        @Override
        public void add(String identifier) { }

        @Override
        public void add(String identifier, Instant expiry) { }

        @Override
        public boolean contains(String identifier) {
            return false;
        }

        @Override
        public void close() { }
    }
}
