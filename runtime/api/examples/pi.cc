// Pi by throwing darts: independent tasks, collected as they finish, values of one's own type.
#include <orrery/orrery.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

struct Throws {  // an aggregate: travels without further ado
  int64_t inside = 0;
  int64_t total = 0;
};

Throws Throw(uint64_t seed, int64_t count) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> side(-1, 1);
  Throws result{.total = count};
  for (int64_t i = 0; i < count; ++i) {
    const double x = side(random), y = side(random);
    result.inside += x * x + y * y <= 1;
  }
  return result;
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    std::vector<orrery::Ref<Throws>> pending;
    for (uint64_t seed = 0; seed < 40; ++seed) pending.push_back(orrery::remote<&Throw>(seed, 50'000));
    Throws sum;
    while (!pending.empty()) {
      auto [ready, unready] = orrery::wait(pending, 1);
      for (const Throws& part : orrery::get(ready)) {
        sum.inside += part.inside;
        sum.total += part.total;
      }
      pending = unready;
    }
    std::printf("pi is about %.2f\n", 4.0 * static_cast<double>(sum.inside) / static_cast<double>(sum.total));
  });
}
