package lab;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.cxf.Bus;
import org.apache.cxf.BusFactory;

/**
 * Runs the lab's clients in one process, some at a time: a JVM takes longer to load CXF than a client to make its calls.
 * Each has a Bus of its own, so they share no connections, tokens or contexts; they share the KDC.
 * usage: Calls [-threads 3]
 * Reads a line for each client: a number, the class, its arguments, with tabs between. Writes one when it has ended: the
 * number, its exit status, and in base64 what it has printed. Ends with its input.
 */
public final class Calls {
    private Calls() { }

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        PerThread out = new PerThread(System.err);
        System.setOut(new PrintStream(out, true));
        System.setErr(new PrintStream(out, true)); // before the console handler of java.util.logging takes it
        ExecutorService threads = Executors.newFixedThreadPool(Integer.parseInt(Lab.opt(args, "threads", "3")));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] call = line.split("\t", -1);
            threads.submit(() -> {
                ByteArrayOutputStream printed = new ByteArrayOutputStream();
                out.of.set(printed);
                int status = run(call[1], Arrays.copyOfRange(call, 2, call.length));
                out.of.remove();
                answers.println(call[0] + "\t" + status + "\t" + Base64.getEncoder().encodeToString(printed.toByteArray()));
                answers.flush();
            });
        }
        System.exit(0);
    }

    /** The exit status of a client with a Bus of its own. */
    private static int run(String name, String[] args) {
        Bus bus = BusFactory.newInstance().createBus();
        BusFactory.setThreadDefaultBus(bus);
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        try {
            return (Integer) Class.forName("lab." + name).getMethod("run", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException e) {
            e.getCause().printStackTrace();
            return 1;
        } catch (Throwable e) {
            e.printStackTrace();
            return 1;
        } finally {
            Thread.currentThread().setContextClassLoader(loader);
            bus.shutdown(true);
            BusFactory.clearDefaultBusForAnyThread(bus);
        }
    }

    /** What is printed goes to whom the thread works for, or whom the thread that began it worked for. */
    private static final class PerThread extends OutputStream {
        private final InheritableThreadLocal<OutputStream> of = new InheritableThreadLocal<>();
        private final OutputStream nobody;

        PerThread(OutputStream nobody) {
            this.nobody = nobody;
        }

        private OutputStream to() {
            OutputStream to = of.get();
            return to == null ? nobody : to;
        }

        @Override
        public void write(int b) throws java.io.IOException {
            to().write(b);
        }

        @Override
        public void write(byte[] b, int off, int len) throws java.io.IOException {
            to().write(b, off, len);
        }
    }
}
