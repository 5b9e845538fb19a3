// A check's result from a list of what is wrong. Internal to sim/checkers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/record/checks.h"

namespace orrery {

// Names the first five; `fine` when there is nothing.
inline CheckResult Verdict(std::string name, const std::vector<std::string>& wrong, std::string fine) {
  std::string detail;
  for (size_t i = 0; i < wrong.size() && i < 5; ++i) detail += (i > 0 ? "; " : "") + wrong[i];
  if (wrong.size() > 5) detail += "; and " + std::to_string(wrong.size() - 5) + " more";
  return {std::move(name), wrong.empty(), wrong.empty() ? std::move(fine) : detail};
}

}  // namespace orrery
