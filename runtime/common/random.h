// Our own generator and distributions: standard library ones differ between implementations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery {

// Independent purposes draw from independent streams, so that one more draw here shifts nothing there.
enum class RandomStream : uint8_t { kScheduling, kWorkerPool, kRetry, kWorkload, kFaults, kNetwork, kCount };

// xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64. Same seed, same sequence, on every platform.
class Random {
 public:
  explicit Random(uint64_t seed = 0);
  // A generator for (seed, component, purpose): names are hashed, so streams do not depend on one another.
  static Random Named(uint64_t seed, std::string_view component, std::string_view purpose);

  uint64_t Next();
  // Uniform in [0, bound), without modulo bias (Lemire 2019). bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double Uniform();
  // Exponential with the given mean (inversion).
  double Exponential(double mean);
  // Standard normal (Box-Muller, one value per call).
  double Normal();
  // Log-normal with the given mean and sigma of the underlying normal.
  double LogNormal(double mu, double sigma);
  // Pareto with shape alpha and minimum x_min.
  double Pareto(double alpha, double x_min);
  bool Chance(double probability) { return Uniform() < probability; }
  // Fisher-Yates over a random-access container.
  template <class Container>
  void Shuffle(Container& items) {
    for (size_t i = items.size(); i > 1; --i) {
      using std::swap;
      swap(items[i - 1], items[Below(i)]);
    }
  }

 private:
  std::array<uint64_t, 4> state_;
};

// FNV-1a, for names; fixed for ever.
constexpr uint64_t HashName(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

}  // namespace orrery
