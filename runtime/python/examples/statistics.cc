// C++ functions for Python: a shared library that needs nothing but one header.
#include <orrery/expose.h>

#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

double Mean(const std::vector<double>& values) {
  if (values.empty()) throw std::invalid_argument("the mean of nothing");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::map<std::string, double> Describe(const std::vector<double>& values) {
  const double mean = Mean(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return {{"mean", mean}, {"deviation", std::sqrt(squares / static_cast<double>(values.size()))}};
}

const bool exposed = orrery::expose<&Mean>("Mean") && orrery::expose<&Describe>("Describe");

}  // namespace
