#include <cmath>

#include "sim/scenario/parse.h"

namespace orrery {

namespace {

using Kind = Distribution::Kind;

std::vector<std::pair<std::string, Kind>> Kinds() {
  return {{"exponential", Kind::kExponential}, {"deterministic", Kind::kDeterministic},
          {"uniform", Kind::kUniform},         {"lognormal", Kind::kLognormal},
          {"pareto", Kind::kPareto},           {"hyperexponential", Kind::kHyperexponential},
          {"empirical", Kind::kEmpirical}};
}

// Arrivals also know the exponential by the name of its process.
std::vector<std::pair<std::string, Kind>> ArrivalKinds() {
  auto kinds = Kinds();
  kinds.emplace_back("poisson", Kind::kExponential);
  return kinds;
}

bool ReadSeconds(MapReader& map, const std::string& key, double& seconds) {
  Duration duration;
  if (!map.Read(key, ReadTime, duration)) return false;
  seconds = duration.seconds();
  return true;
}

bool RequireSeconds(MapReader& map, const std::string& key, double& seconds) {
  return map.Require(key) != nullptr && ReadSeconds(map, key, seconds);
}

// mean and coefficient of variation → mu, sigma of the underlying normal.
void SetLognormal(Distribution& d, double mean, double cv) {
  d.sigma = std::sqrt(std::log1p(cv * cv));
  d.mu = std::log(mean) - d.sigma * d.sigma / 2;
}

// Two branches with balanced means (Whitt 1982), the usual fit to a mean and a coefficient of variation above one.
void SetHyperexponential(Distribution& d, double mean, double cv) {
  const double c2 = cv * cv;
  const double p = (1 + std::sqrt((c2 - 1) / (c2 + 1))) / 2;
  d.values = {mean / (2 * p), mean / (2 * (1 - p))};
  d.cumulative = {p, 1};
}

void ReadVariation(MapReader& map, double least, double& cv) {
  const Value* at = map.Require("cv");
  if (!map.Read("cv", ReadPositive, cv) || cv > least) return;
  map.problems().Add(*at, "cv must be above " + std::string(least > 0 ? "1 for a hyperexponential" : "0"));
  cv = least + 1;
}

void ReadShape(MapReader& map, bool needs_mean, double& shape) {
  const Value* at = map.Require("shape");
  if (!map.Read("shape", ReadPositive, shape) || !needs_mean || shape > 1) return;
  map.problems().Add(*at, "a pareto of shape " + at->scalar + " has no mean; the shape must be above 1");
  shape = 2;
}

void ReadLognormal(MapReader& map, Distribution& d) {
  double mean = 1, cv = 1, median = 1;
  if (map.Find("median") != nullptr) {
    ReadSeconds(map, "median", median);
    map.Require("sigma");
    map.Read("sigma", ReadPositive, d.sigma);
    map.Forbid("mean", "give median and sigma, or mean and cv");
    d.mu = std::log(median);
    if (!(median > 0)) map.problems().Add(map.value(), "a lognormal needs a median above zero");
    return;
  }
  map.Forbid("sigma", "goes with median; give mean and cv, or median and sigma");
  RequireSeconds(map, "mean", mean);
  ReadVariation(map, 0, cv);
  if (!(mean > 0)) map.problems().Add(map.value(), "a lognormal needs a mean above zero");
  SetLognormal(d, mean, cv);
}

void ReadPareto(MapReader& map, Distribution& d) {
  d.shape = 2;
  double mean = 1;
  const bool by_mean = map.Find("mean") != nullptr;
  ReadShape(map, by_mean, d.shape);
  if (by_mean) {
    ReadSeconds(map, "mean", mean);
    map.Forbid("min", "give min or mean, not both");
    d.scale = mean * (d.shape - 1) / d.shape;
  } else {
    RequireSeconds(map, "min", d.scale);
  }
  if (!(d.scale > 0)) map.problems().Add(map.value(), "a pareto needs a least value above zero");
}

// Weights → running sum ending at 1.
void SetCumulative(MapReader& map, const std::vector<double>& weights, Distribution& d) {
  double total = 0;
  for (const double weight : weights) total += weight;
  if (d.values.empty() || weights.size() != d.values.size() || !(total > 0) || !std::isfinite(total)) {
    map.problems().Add(map.value(), "needs at least one value, and one weight for each, with a sum above zero");
    d.values = {0};
    d.cumulative = {1};
    return;
  }
  double sum = 0;
  for (const double weight : weights) d.cumulative.push_back((sum += weight) / total);
  d.cumulative.back() = 1;
}

void ReadWeight(const Value& value, Problems& problems, std::vector<double>& weights) {
  double weight = 0;
  ReadNumber(value, problems, weight);
  if (weight < 0) problems.Add(value, "a weight cannot be negative");
  weights.push_back(weight);
}

void ReadEmpirical(MapReader& map, Distribution& d) {
  Problems& problems = map.problems();
  std::vector<double> weights;
  if (const Value* values = map.Require("values")) {
    ReadList(*values, problems, "values", [&](const Value& element) {
      Duration duration;
      ReadTime(element, problems, duration);
      d.values.push_back(duration.seconds());
    });
  }
  if (const Value* list = map.Find("weights")) {
    ReadList(*list, problems, "weights", [&](const Value& element) { ReadWeight(element, problems, weights); });
  } else {
    weights.assign(d.values.size(), 1);
  }
  SetCumulative(map, weights, d);
}

void ReadHyperexponential(MapReader& map, Distribution& d) {
  if (const Value* branches = map.Find("branches")) {
    std::vector<double> weights;
    ReadList(*branches, map.problems(), "branches", [&](const Value& element) {
      MapReader branch(element, map.problems(), "branches");
      double mean = 0;
      RequireSeconds(branch, "mean", mean);
      if (const Value* weight = branch.Require("weight")) ReadWeight(*weight, map.problems(), weights);
      branch.Finish();
      d.values.push_back(mean);
    });
    SetCumulative(map, weights, d);
    return;
  }
  double mean = 1, cv = 2;
  RequireSeconds(map, "mean", mean);
  ReadVariation(map, 1, cv);
  SetHyperexponential(d, mean, cv);
}

void ReadUniform(MapReader& map, Distribution& d) {
  RequireSeconds(map, "min", d.low);
  RequireSeconds(map, "max", d.high);
  if (d.high < d.low) map.problems().Add(map.value(), "max is below min");
}

}  // namespace

void ReadDistribution(const Value& value, Problems& problems, Distribution& out) {
  Distribution d;
  if (value.kind == Value::Kind::kScalar) {
    Duration duration;
    ReadTime(value, problems, duration);
    out = Distribution::Deterministic(duration.seconds());
    return;
  }
  if (value.kind != Value::Kind::kMap) {
    problems.Add(value, "expected a duration like 250ms, or a distribution {kind: exponential, mean: 1s}, not " +
                            value.Describe());
    return;
  }
  MapReader map(value, problems, "this distribution");
  map.Require("kind");
  map.Choose("kind", Kinds(), d.kind);
  switch (d.kind) {
    case Kind::kDeterministic: RequireSeconds(map, "value", d.value); break;
    case Kind::kUniform: ReadUniform(map, d); break;
    case Kind::kExponential: RequireSeconds(map, "mean", d.value); break;
    case Kind::kLognormal: ReadLognormal(map, d); break;
    case Kind::kPareto: ReadPareto(map, d); break;
    case Kind::kHyperexponential: ReadHyperexponential(map, d); break;
    case Kind::kEmpirical: ReadEmpirical(map, d); break;
  }
  ReadSeconds(map, "cap", d.cap);
  map.Finish();
  out = std::move(d);
}

void ReadArrival(const Value& value, double mean, Problems& problems, Distribution& out) {
  Distribution d = Distribution::Exponential(mean);
  Value whole = value;
  if (value.kind == Value::Kind::kScalar) {  // a bare name
    Value::Entry entry{value, value};
    entry.key.scalar = "kind";
    whole.kind = Value::Kind::kMap;
    whole.map.push_back(std::move(entry));
  }
  MapReader map(whole, problems, "arrival");
  map.Require("kind");
  map.Choose("kind", ArrivalKinds(), d.kind);
  double cv = 2;
  switch (d.kind) {
    case Kind::kDeterministic: d = Distribution::Deterministic(mean); break;
    case Kind::kUniform: d = Distribution::Uniform(0, 2 * mean); break;
    case Kind::kExponential: break;
    case Kind::kLognormal:
      ReadVariation(map, 0, cv);
      SetLognormal(d, mean, cv);
      break;
    case Kind::kPareto:
      d.shape = 2;
      ReadShape(map, true, d.shape);
      d.scale = mean * (d.shape - 1) / d.shape;
      break;
    case Kind::kHyperexponential:
      ReadVariation(map, 1, cv);
      SetHyperexponential(d, mean, cv);
      break;
    case Kind::kEmpirical: {
      ReadEmpirical(map, d);
      const double raw = Mean(d);
      if (!(raw > 0)) problems.Add(value, "the values must have a mean above zero");
      for (double& v : d.values) v *= raw > 0 ? mean / raw : 1;
      break;
    }
  }
  map.Finish();
  out = std::move(d);
}

}  // namespace orrery
