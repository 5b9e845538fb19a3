#include "runtime/common/node_flags.h"

#include <sstream>

namespace orrery {

namespace {

std::string Exactly(FixedPoint amount) {
  std::ostringstream text;
  text.precision(15);
  text << amount.value();
  return text.str();
}

}  // namespace

std::vector<std::string> NodeFlags(const ResourceSet& resources, const Labels& labels, const std::string& name) {
  std::vector<std::string> words = {"--num-cpus=" + Exactly(resources.Get(ResourceKind::kCpu)),
                                    "--num-gpus=" + Exactly(resources.Get(ResourceKind::kGpu))};
  const FixedPoint memory = resources.Get(ResourceKind::kMemory);
  if (memory > FixedPoint()) words.push_back("--memory=" + Exactly(memory) + "B");
  const FixedPoint store = resources.Get(ResourceKind::kObjectStoreMemory);
  if (store > FixedPoint()) words.push_back("--object-store-memory=" + Exactly(store) + "B");
  std::string custom, listed;
  for (const auto& [resource, amount] : resources.custom())
    custom += (custom.empty() ? "{\"" : ", \"") + resource + "\": " + Exactly(amount);
  for (const auto& [key, value] : labels) listed += (listed.empty() ? "" : ",") + key + "=" + value;
  if (!custom.empty()) words.push_back("--resources=" + custom + "}");
  if (!listed.empty()) words.push_back("--labels=" + listed);
  if (!name.empty()) words.push_back("--name=" + name);
  return words;
}

}  // namespace orrery
