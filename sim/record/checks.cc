#include "sim/record/checks.h"

#include <charconv>
#include <cmath>

#include "runtime/common/settings.h"

namespace orrery {

namespace {

std::string Text(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

CheckResult Missing(const CheckSpec& check, const std::string& metric, const Summary& summary) {
  const std::string near = NearestName(metric, summary.NumberPaths());
  return {check.name, false,
          "the summary has no number " + metric + (near.empty() ? "" : "; did you mean " + near + "?")};
}

double AllowedError(const CheckSpec& check) {
  return check.relative ? check.tolerance * std::abs(check.value) : check.tolerance;
}

CheckResult Compare(const CheckSpec& check, double actual) {
  const auto result = [&](bool ok, const char* relation) {
    return CheckResult{check.name, ok,
                       check.metric + " = " + Text(actual) + ", " + (ok ? "" : "not ") + relation + Text(check.value)};
  };
  switch (check.kind) {
    case CheckSpec::Kind::kMax: return result(actual <= check.value, "<= ");
    case CheckSpec::Kind::kMin: return result(actual >= check.value, ">= ");
    case CheckSpec::Kind::kEquals: return result(actual == check.value, "= ");
    default: break;
  }
  CheckResult near = result(std::abs(actual - check.value) <= AllowedError(check), "near ");
  near.detail += " (within " + Text(AllowedError(check)) + ")";
  return near;
}

CheckResult AllTasksFinish(const CheckSpec& check, const Summary& summary) {
  const double submitted = summary.Number("tasks.submitted").value_or(0);
  const double ended = summary.Number("tasks.finished").value_or(0) + summary.Number("tasks.failed").value_or(0);
  return {check.name, submitted == ended && submitted > 0,
          Text(ended) + " of " + Text(submitted) + " submitted tasks ended"};
}

CheckResult NoTaskFails(const CheckSpec& check, const Summary& summary) {
  const auto failed = summary.Number("tasks.failed");
  if (!failed) return Missing(check, "tasks.failed", summary);
  return {check.name, *failed == 0, Text(*failed) + " tasks failed"};
}

CheckResult LittlesLaw(const CheckSpec& check, const Summary& summary) {
  const auto error = summary.Number("littles_law.error");
  if (!error) return Missing(check, "littles_law.error", summary);
  const double l = summary.Number("littles_law.l").value_or(0);
  const double product = summary.Number("littles_law.lambda").value_or(0) * summary.Number("littles_law.w").value_or(0);
  return {check.name, *error <= check.tolerance,
          "L = " + Text(l) + ", lambda W = " + Text(product) + ": they differ by " + Text(*error * 100) +
              " % (allowed: " + Text(check.tolerance * 100) + " %)"};
}

}  // namespace

CheckResult EvaluateCheck(const CheckSpec& check, const Summary& summary) {
  switch (check.kind) {
    case CheckSpec::Kind::kAllTasksFinish: return AllTasksFinish(check, summary);
    case CheckSpec::Kind::kNoTaskFails: return NoTaskFails(check, summary);
    case CheckSpec::Kind::kLittlesLaw: return LittlesLaw(check, summary);
    default: break;
  }
  const auto actual = summary.Number(check.metric);
  return actual ? Compare(check, *actual) : Missing(check, check.metric, summary);
}

std::vector<CheckResult> EvaluateChecks(const std::vector<CheckSpec>& checks, const Summary& summary) {
  std::vector<CheckResult> results;
  for (const CheckSpec& check : checks) {
    if (!check.mean_of_seeds) results.push_back(EvaluateCheck(check, summary));
  }
  return results;
}

std::vector<CheckResult> EvaluateMeanChecks(const std::vector<CheckSpec>& checks,
                                            const std::vector<const Summary*>& summaries) {
  std::vector<CheckResult> results;
  if (summaries.empty()) return results;
  const std::string count = " (mean of " + std::to_string(summaries.size()) + " seeds)";
  for (const CheckSpec& check : checks) {
    if (!check.mean_of_seeds) continue;
    // What counts tasks or compares two sides of a law must hold for each seed.
    if (check.metric.empty()) {
      for (const Summary* summary : summaries) results.push_back(EvaluateCheck(check, *summary));
      continue;
    }
    double sum = 0;
    const Summary* lacking = nullptr;
    for (const Summary* summary : summaries) {
      const auto actual = summary->Number(check.metric);
      if (!actual) lacking = summary;
      sum += actual.value_or(0);
    }
    CheckResult result = lacking != nullptr ? Missing(check, check.metric, *lacking)
                                            : Compare(check, sum / static_cast<double>(summaries.size()));
    result.detail += count;
    results.push_back(result);
  }
  return results;
}

}  // namespace orrery
