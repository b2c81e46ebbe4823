import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.xml.security.Init;
import org.apache.xml.security.c14n.Canonicalizer;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Asks Santuario for canonical forms. Each line of the job file is input, apex, prefix list, method and output, separated by tabs. */
public class Canonicalize {
    public static void main(String[] args) throws Exception {
        Init.init();
        List<String> jobs = Files.readAllLines(Path.of(args[0]), StandardCharsets.UTF_8);
        for (String job : jobs) {
            String[] f = job.split("\t", -1);
            byte[] out;
            try {
                out = canonicalize(Path.of(f[0]), f[1], f[2], f[3]);
            } catch (Exception e) {
                out = "refused".getBytes(StandardCharsets.UTF_8);
            }
            try (OutputStream o = Files.newOutputStream(Path.of(f[4]))) {
                o.write(out);
            }
        }
    }

    private static byte[] canonicalize(Path in, String apex, String prefixes, String method) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        var builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null);
        Document doc = builder.parse(in.toFile());
        Element e = apex.isEmpty() ? doc.getDocumentElement()
                : (Element) doc.getElementsByTagNameNS("*", apex).item(0);
        Canonicalizer c = Canonicalizer.getInstance(method);
        return prefixes.isEmpty() ? c.canonicalizeSubtree(e) : c.canonicalizeSubtree(e, prefixes);
    }
}
