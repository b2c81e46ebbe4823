import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.ietf.jgss.ChannelBinding;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSCredential;
import org.ietf.jgss.GSSException;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;
import sun.security.jgss.krb5.internal.TlsChannelBindingImpl;

/** A peer of package gsspeer on Java's GSS-API: see doc.go of gsspeer for the protocol. */
public class Peer {
    static final GSSManager MANAGER = GSSManager.getInstance();
    static GSSContext context;
    static boolean initiate;

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            byte[] b = HexFormat.of().parseHex(line);
            byte[] answer;
            try {
                answer = join(new byte[] {'o'}, command((char) b[0], Arrays.copyOfRange(b, 1, b.length)));
            } catch (GSSException e) {
                answer = failure(e.getMajor() + " " + words(e));
            } catch (Exception e) {
                answer = failure(words(e));
            }
            System.out.println(HexFormat.of().formatHex(answer));
            System.out.flush();
        }
    }

    /** Java does not give the token that goes with an error. */
    static byte[] failure(String text) {
        byte[] t = text.getBytes(StandardCharsets.UTF_8);
        return join(new byte[] {'e'}, ByteBuffer.allocate(4).putInt(t.length).array(), t);
    }

    static String words(Throwable e) {
        StringBuilder s = new StringBuilder();
        for (; e != null; e = e.getCause()) {
            s.append(e).append("; ");
        }
        return s.toString();
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] p : parts) {
            if (p != null) {
                out.writeBytes(p);
            }
        }
        return out.toByteArray();
    }

    static byte[] command(char command, byte[] b) throws Exception {
        MessageProp prop = new MessageProp(0, command == 'S');
        switch (command) {
            case 'N':
                begin(new String(b, StandardCharsets.UTF_8).split("\\|", -1));
                return null;
            case 'T':
                byte[] token = initiate ? context.initSecContext(b, 0, b.length) : context.acceptSecContext(b, 0, b.length);
                return join(new byte[] {(byte) (context.isEstablished() ? 'c' : 'n')}, token);
            case 'S':
            case 'P':
                return context.wrap(b, 0, b.length, prop);
            case 'M':
                return context.getMIC(b, 0, b.length, prop);
            case 'U':
                byte[] text = context.unwrap(b, 0, b.length, prop);
                check(prop);
                return join(new byte[] {(byte) (prop.getPrivacy() ? 's' : 'p')}, text);
            case 'V':
                int n = ByteBuffer.wrap(b).getInt();
                context.verifyMIC(b, 4 + n, b.length - 4 - n, b, 4, n, prop);
                check(prop);
                return null;
            case 'I':
                return info().getBytes(StandardCharsets.UTF_8);
            default:
                throw new IllegalArgumentException("command " + command);
        }
    }

    /** Java tells by flags what other libraries tell by errors. */
    static void check(MessageProp prop) {
        if (prop.isDuplicateToken()) {
            throw new IllegalStateException("duplicate token");
        }
        if (prop.isOldToken()) {
            throw new IllegalStateException("old token");
        }
        if (prop.isUnseqToken()) {
            throw new IllegalStateException("token out of sequence");
        }
        if (prop.isGapToken()) {
            throw new IllegalStateException("gap before token");
        }
    }

    static void begin(String[] part) throws Exception {
        Oid krb5 = new Oid("1.2.840.113554.1.2.2");
        Oid mech = part[2].equals("spnego") ? new Oid("1.3.6.1.5.5.2") : krb5;
        initiate = part[0].equals("initiate");
        if (initiate) {
            GSSName name = MANAGER.createName(part[1], new Oid("1.2.840.113554.1.2.2.1"));
            context = MANAGER.createContext(name, mech, null, GSSContext.DEFAULT_LIFETIME);
            context.requestMutualAuth(part[3].contains("mutual"));
            context.requestCredDeleg(part[3].contains("delegate"));
            context.requestReplayDet(part[3].contains("replay"));
            context.requestSequenceDet(part[3].contains("sequence"));
            context.requestConf(true);
            context.requestInteg(true);
        } else {
            context = MANAGER.createContext((GSSCredential) null);
        }
        if (!part[4].isEmpty()) {
            byte[] data = part[4].getBytes(StandardCharsets.UTF_8);
            context.setChannelBinding(part[3].contains("tls") ? new TlsChannelBindingImpl(data) : new ChannelBinding(data));
        }
    }

    static String info() throws Exception {
        int flags = (context.getCredDelegState() ? 1 : 0) | (context.getMutualAuthState() ? 2 : 0) | (context.getReplayDetState() ? 4 : 0)
                | (context.getSequenceDetState() ? 8 : 0) | (context.getConfState() ? 16 : 0) | (context.getIntegState() ? 32 : 0);
        String delegated = !initiate && context.getCredDelegState() ? context.getDelegCred().getName().toString() : "";
        return context.getSrcName() + "|" + context.getTargName() + "|" + flags + "|" + delegated;
    }
}
