package lab;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.apache.cxf.tools.common.ToolContext;
import org.apache.cxf.tools.wsdlto.WSDLToJava;

/**
 * Makes a client of a WSDL with wsdl2java, compiles it with GeneratedClient.java, and runs that.
 * usage: Generated WSDL DIRECTORY SOURCE SPN COUNT      SOURCE is the path of GeneratedClient.java
 */
public final class Generated {
    private Generated() { }

    public static void main(String[] args) throws Exception {
        System.exit(run(args));
    }

    public static int run(String[] args) throws Exception {
        Path src = Files.createDirectories(Path.of(args[1], "src"));
        Path classes = Files.createDirectories(Path.of(args[1], "classes"));
        synchronized (Generated.class) { // wsdl2java is a program, made to run once
            new WSDLToJava(new String[] {"-d", src.toString(), "-p", "http://www.example.org/contract/DoubleIt=made", args[0]})
                .run(new ToolContext());
        }
        List<String> javac = new ArrayList<>(List.of("-nowarn", "-cp", System.getProperty("java.class.path"), "-d",
            classes.toString(), args[2]));
        try (Stream<Path> made = Files.walk(src)) {
            made.map(Path::toString).filter(s -> s.endsWith(".java")).forEach(javac::add);
        }
        if (ToolProvider.getSystemJavaCompiler().run(null, System.out, System.err, javac.toArray(new String[0])) != 0) {
            return 1;
        }
        try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()}, Generated.class.getClassLoader())) {
            Thread.currentThread().setContextClassLoader(loader);
            Class.forName("GeneratedClient", true, loader).getMethod("call", String.class, String.class, int.class)
                .invoke(null, args[0], args[3], Integer.parseInt(args[4]));
        }
        return 0;
    }
}
