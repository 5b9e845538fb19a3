#include "sim/scenario/distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/common/assert.h"

namespace orrery {

namespace {

// The branch whose share of [0, 1) holds the draw.
size_t PickBranch(const std::vector<double>& cumulative, Random& random) {
  ORRERY_ASSERT(!cumulative.empty());
  const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), random.Uniform());
  return std::min(static_cast<size_t>(at - cumulative.begin()), cumulative.size() - 1);
}

double Draw(const Distribution& d, Random& random) {
  switch (d.kind) {
    case Distribution::Kind::kDeterministic: return d.value;
    case Distribution::Kind::kUniform: return d.low + (d.high - d.low) * random.Uniform();
    case Distribution::Kind::kExponential: return random.Exponential(d.value);
    case Distribution::Kind::kLognormal: return random.LogNormal(d.mu, d.sigma);
    case Distribution::Kind::kPareto: return random.Pareto(d.shape, d.scale);
    case Distribution::Kind::kHyperexponential: return random.Exponential(d.values[PickBranch(d.cumulative, random)]);
    case Distribution::Kind::kEmpirical: return d.values[PickBranch(d.cumulative, random)];
  }
  ORRERY_ASSERT(false);
  return 0;
}

}  // namespace

Distribution Distribution::Deterministic(double value) {
  Distribution d;
  d.value = value;
  return d;
}

Distribution Distribution::Exponential(double mean) {
  Distribution d;
  d.kind = Kind::kExponential;
  d.value = mean;
  return d;
}

Distribution Distribution::Uniform(double low, double high) {
  Distribution d;
  d.kind = Kind::kUniform;
  d.low = low;
  d.high = high;
  return d;
}

double Sample(const Distribution& distribution, Random& random) {
  const double drawn = Draw(distribution, random);
  return distribution.cap > 0 ? std::min(drawn, distribution.cap) : drawn;
}

double Mean(const Distribution& d) {
  switch (d.kind) {
    case Distribution::Kind::kDeterministic:
    case Distribution::Kind::kExponential: return d.value;
    case Distribution::Kind::kUniform: return (d.low + d.high) / 2;
    case Distribution::Kind::kLognormal: return std::exp(d.mu + d.sigma * d.sigma / 2);
    case Distribution::Kind::kPareto:
      return d.shape > 1 ? d.shape * d.scale / (d.shape - 1) : std::numeric_limits<double>::infinity();
    case Distribution::Kind::kHyperexponential:
    case Distribution::Kind::kEmpirical: break;
  }
  double mean = 0, before = 0;
  for (size_t i = 0; i < d.values.size(); ++i) {
    mean += d.values[i] * (d.cumulative[i] - before);
    before = d.cumulative[i];
  }
  return mean;
}

const char* DistributionKindName(Distribution::Kind kind) {
  switch (kind) {
    case Distribution::Kind::kDeterministic: return "deterministic";
    case Distribution::Kind::kUniform: return "uniform";
    case Distribution::Kind::kExponential: return "exponential";
    case Distribution::Kind::kLognormal: return "lognormal";
    case Distribution::Kind::kPareto: return "pareto";
    case Distribution::Kind::kHyperexponential: return "hyperexponential";
    case Distribution::Kind::kEmpirical: return "empirical";
  }
  return "?";
}

}  // namespace orrery
