// The loops of vs_ray.py on Orrery. Reads "async SECONDS" or "sync SECONDS" lines, answers each with one number: tasks
// per second with 1,000 in flight, or microseconds per call.
#include <orrery/orrery.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

using Clock = std::chrono::steady_clock;

int NoOp() { return 0; }

double Since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double Async(double seconds) {
  const auto begin = Clock::now();
  double tasks = 0;
  for (; Since(begin) < seconds; tasks += 1000) {
    std::vector<orrery::Ref<int>> refs;
    for (int i = 0; i < 1000; ++i) refs.push_back(orrery::remote<&NoOp>());
    orrery::get(refs);
  }
  return tasks / Since(begin);
}

double Sync(double seconds) {
  const auto begin = Clock::now();
  double tasks = 0;
  for (; Since(begin) < seconds; ++tasks) orrery::remote<&NoOp>().get();
  return Since(begin) / tasks * 1e6;
}

int main(int argc, char** argv) {
  const orrery::SessionOptions cluster{.address = "local", .num_cpus = 1};
  return orrery::main(
      argc, argv,
      [](orrery::Session&) {
        orrery::remote<&NoOp>().get();
        std::puts("ready");
        std::fflush(stdout);
        char mode[16];
        double seconds = 0;
        while (std::scanf("%15s %lf", mode, &seconds) == 2) {
          std::printf("%.6g\n", std::strcmp(mode, "async") == 0 ? Async(seconds) : Sync(seconds));
          std::fflush(stdout);
        }
      },
      cluster);
}
