#include "runtime/common/bundle.h"

#include <array>
#include <string>

namespace orrery {

namespace {
constexpr std::array<BundleStrategy, 4> kStrategies = {BundleStrategy::kPack, BundleStrategy::kSpread,
                                                       BundleStrategy::kStrictPack, BundleStrategy::kStrictSpread};
}  // namespace

const char* BundleStrategyName(BundleStrategy strategy) {
  switch (strategy) {
    case BundleStrategy::kPack: return "PACK";
    case BundleStrategy::kSpread: return "SPREAD";
    case BundleStrategy::kStrictPack: return "STRICT_PACK";
    case BundleStrategy::kStrictSpread: return "STRICT_SPREAD";
  }
  return "?";
}

Result<BundleStrategy> ParseBundleStrategy(std::string_view name) {
  for (const BundleStrategy strategy : kStrategies) {
    if (name == BundleStrategyName(strategy)) return strategy;
  }
  std::string message = "unknown placement strategy '" + std::string(name) + "' (one of";
  for (const BundleStrategy strategy : kStrategies) message += std::string(" ") + BundleStrategyName(strategy);
  return Status(StatusCode::kInvalidArgument, message + ")");
}

Status ValidateBundles(const std::vector<Bundle>& bundles) {
  if (bundles.empty()) return {StatusCode::kInvalidArgument, "a placement group needs at least one bundle"};
  for (size_t i = 0; i < bundles.size(); ++i) {
    const std::string which = "bundle " + std::to_string(i) + ": ";
    const Status status = ValidateRequest(bundles[i].resources);
    if (!status.ok()) return {status.code(), which + status.message()};
    if (bundles[i].resources.empty()) return {StatusCode::kInvalidArgument, which + "it asks for nothing"};
  }
  return Status::Ok();
}

}  // namespace orrery
