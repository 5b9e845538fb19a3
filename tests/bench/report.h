// What every benchmark understands and prints: its flags, and one figure per line with the ceiling beside it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace orrery {

struct BenchOptions {
  bool json = false;
  int repetitions = 5;   // of each figure; medians are printed
  double seconds = 0.4;  // of each repetition
  std::string only{};    // figures whose name begins so; "": all

  // --format table|json, --repetitions N, --seconds S, --only NAME; anything else ends the program with exit code 2.
  static BenchOptions Parse(int argc, char** argv, BenchOptions options) {
    for (int i = 1; i < argc; i += 2) {
      const std::string flag = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
      const double number = std::atof(value.c_str());
      if (flag == "--format" && (value == "json" || value == "table")) {
        options.json = value == "json";
      } else if (flag == "--repetitions" && number >= 1) {
        options.repetitions = static_cast<int>(number);
      } else if (flag == "--seconds" && number > 0) {
        options.seconds = number;
      } else if (flag == "--only" && !value.empty()) {
        options.only = value;
      } else {
        std::fprintf(stderr, "usage: %s [--format table|json] [--repetitions N] [--seconds S] [--only NAME]\n",
                     argv[0]);
        std::exit(2);
      }
    }
    return options;
  }
  // For benchmarks that can leave figures out.
  bool Wants(const std::string& name) const { return name.starts_with(only); }
};

// A table with a head line, or JSON objects: {"name", "value", "unit", "ceiling", "ratio"}, null where there is no
// ceiling.
class Report {
 public:
  // `ceiling`: what the ceiling column means. Figures are named `prefix` + name in JSON.
  Report(const BenchOptions& options, const char* title, const char* ceiling, std::string prefix)
      : json_(options.json), prefix_(std::move(prefix)) {
    if (!json_) std::printf("%-38s %12s %-11s %12s %8s\n", title, "value", "unit", ceiling, "ratio");
  }
  // `ratio` is value over ceiling: for rates larger is better, for times smaller.
  void Print(const std::string& name, double value, const char* unit, double ceiling = 0) const {
    if (json_) {
      std::printf("{\"name\": \"%s%s\", \"value\": %.6g, \"unit\": \"%s\", ", prefix_.c_str(), name.c_str(), value,
                  unit);
      if (ceiling > 0) {
        std::printf("\"ceiling\": %.6g, \"ratio\": %.4g}\n", ceiling, value / ceiling);
      } else {
        std::printf("\"ceiling\": null, \"ratio\": null}\n");
      }
    } else if (ceiling > 0) {
      std::printf("%-38s %12.4g %-11s %12.4g %8.3f\n", name.c_str(), value, unit, ceiling, value / ceiling);
    } else {
      std::printf("%-38s %12.4g %s\n", name.c_str(), value, unit);
    }
    std::fflush(stdout);
  }

 private:
  const bool json_;
  const std::string prefix_;
};

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace orrery
