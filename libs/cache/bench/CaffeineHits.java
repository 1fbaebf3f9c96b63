import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The rival of hit_bench, which runs this beside itself. Arguments: a file with one key a line, a file with the indices of the
 * reads, one a line. For each line on stdin ("expiring" or "plain", then a number of reads) prints the thread's CPU time a hit in
 * ns. The keys read are other String objects than those stored, equal to them, with their hashes already in them.
 */
public final class CaffeineHits {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private static long hits(Cache<String, String> cache, String[] keys, int[] reads, long count) {
    long found = 0;
    int at = 0;
    for (long n = 0; n < count; ++n) {
      if (cache.getIfPresent(keys[reads[at]]) != null) ++found;
      if (++at == reads.length) at = 0;
    }
    return found;
  }

  public static void main(String[] arguments) throws IOException {
    List<String> texts = Files.readAllLines(Path.of(arguments[0]));
    int[] reads = Files.readAllLines(Path.of(arguments[1])).stream().mapToInt(Integer::parseInt).toArray();
    Cache<String, String> plain = Caffeine.newBuilder().maximumSize(20_000).build();
    Cache<String, String> expiring = Caffeine.newBuilder().maximumSize(20_000).expireAfterWrite(9, TimeUnit.MINUTES).build();
    String[] keys = new String[texts.size()];
    for (int i = 0; i < keys.length; ++i) {
      plain.put(texts.get(i), new String("value"));
      expiring.put(texts.get(i), new String("value"));
      keys[i] = new String(texts.get(i).toCharArray());
      keys[i].hashCode();
    }
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ");
      Cache<String, String> cache = words[0].equals("plain") ? plain : expiring;
      long count = Long.parseLong(words[1]);
      long before = THREADS.getCurrentThreadCpuTime();
      long found = hits(cache, keys, reads, count);
      long cpu = THREADS.getCurrentThreadCpuTime() - before;
      if (found != count) throw new IllegalStateException("a miss");
      System.out.println((double) cpu / (double) count);
    }
  }
}
