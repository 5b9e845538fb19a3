#include "runtime/common/random.h"

#include <cmath>

#include "runtime/common/assert.h"
#include "runtime/common/ids.h"

namespace orrery {

namespace {
__extension__ using Wide = unsigned __int128;
uint64_t Rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
}  // namespace

Random::Random(uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    word = Mix64(seed);
  }
}

Random Random::Named(uint64_t seed, std::string_view component, std::string_view purpose) {
  return Random(Mix64(seed ^ HashName(component)) + HashName(purpose));
}

uint64_t Random::Next() {
  const uint64_t result = Rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = Rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  ORRERY_ASSERT(bound > 0);
  Wide product = static_cast<Wide>(Next()) * bound;
  if (static_cast<uint64_t>(product) < bound) {
    const uint64_t threshold = -bound % bound;
    while (static_cast<uint64_t>(product) < threshold) product = static_cast<Wide>(Next()) * bound;
  }
  return static_cast<uint64_t>(product >> 64);
}

double Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Random::Exponential(double mean) { return -mean * std::log1p(-Uniform()); }

double Random::Normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-Uniform()));
  return radius * std::cos(2.0 * 3.14159265358979323846 * Uniform());
}

double Random::LogNormal(double mu, double sigma) { return std::exp(mu + sigma * Normal()); }

double Random::Pareto(double alpha, double x_min) { return x_min * std::pow(1.0 - Uniform(), -1.0 / alpha); }

}  // namespace orrery
