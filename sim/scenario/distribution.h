// Named distributions of scenario files, drawn with our own generator so that every platform draws the same.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/common/random.h"

namespace orrery {

// A distribution of a non-negative quantity: seconds for durations, plain numbers otherwise.
struct Distribution {
  enum class Kind : uint8_t {
    kDeterministic,
    kUniform,
    kExponential,
    kLognormal,
    kPareto,
    kHyperexponential,
    kEmpirical
  };
  Kind kind = Kind::kDeterministic;
  double value = 0;                // deterministic: the value; exponential: the mean
  double low = 0, high = 0;        // uniform: [low, high)
  double mu = 0, sigma = 0;        // lognormal: of the underlying normal (mu in ln(seconds))
  double shape = 0, scale = 0;     // pareto: shape alpha and least value
  double cap = 0;                  // draws above are cut to it; 0: no cap
  std::vector<double> values;      // empirical: the values; hyperexponential: the means of the branches
  std::vector<double> cumulative;  // empirical, hyperexponential: running sum of probabilities, the last is 1

  static Distribution Deterministic(double value);
  static Distribution Exponential(double mean);
  static Distribution Uniform(double low, double high);
};

// One draw. Deterministic distributions draw nothing from `random`.
double Sample(const Distribution& distribution, Random& random);

// The expected value, without regard to `cap`; infinite for a pareto of shape <= 1.
double Mean(const Distribution& distribution);

// "exponential", ...: as scenario files write them.
const char* DistributionKindName(Distribution::Kind kind);

}  // namespace orrery
