// What the live tests of objects share: clusters with stores of a given size, and what lies in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "runtime/api/orrery.h"
#include "runtime/api/store_tables.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/live/faults/live_cluster.h"

namespace orrery::test {

inline constexpr int64_t kMiB = 1 << 20;

// `count` nodes of one CPU each, with a store of `store` bytes; task options {"n0": 1}, {"n1": 1} … choose one.
inline std::vector<LocalNode> Nodes(int count, int64_t store = 256 * kMiB, double cpus = 1) {
  std::vector<LocalNode> nodes;
  for (int i = 0; i < count; ++i) {
    LocalNode node{.resources = ResourceSet::Cpu(cpus)};
    node.resources.Set(ResourceKind::kObjectStoreMemory, FixedPoint::Whole(store));
    node.resources.Set("n" + std::to_string(i), FixedPoint::Whole(100));
    nodes.push_back(std::move(node));
  }
  return nodes;
}
inline TaskOptions On(int node, std::optional<int> max_retries = {}) {
  return {.resources = {{"n" + std::to_string(node), 1}}, .max_retries = max_retries};
}

// Files in the folders of all node managers.
inline size_t SpillFiles(const LiveCluster& cluster) {
  size_t files = 0;
  for (const std::string& folder : FilesIn(cluster.session_dir() + "/spill"))
    files += FilesIn(cluster.session_dir() + "/spill/" + folder).size();
  return files;
}

class Program {
 public:
  explicit Program(SessionOptions options = {}) : session_(1, argv_, options) {}

 private:
  char name_[16] = "objects_test";
  char* argv_[2] = {name_, nullptr};
  Session session_;
};

// After quiescence, while the cluster lives: no node's store knows of an object or has room taken, no spill file is
// there, and this process maps no object memory. For tests whose refs, views and sessions are gone.
inline void ExpectNothingLeft(const LiveCluster& cluster) {
  Eventually(
      [&] {
        auto tables = internal::StoreTables(cluster.session_dir());
        if (!tables.ok() || internal::CountRows(*tables) != 0) return false;
        return std::all_of(tables->begin(), tables->end(), [](const Message& table) {
          return table.As<msg::ObjectTable>().used() == 0 && table.As<msg::ObjectTable>().spilled() == 0;
        });
      },
      "every store is empty");
  Eventually([&] { return SpillFiles(cluster) == 0; }, "no spill file is left");
  std::ifstream maps("/proc/self/maps");
  const std::string text((std::istreambuf_iterator<char>(maps)), {});
  EXPECT_EQ(text.find("orrery-objects"), std::string::npos) << "this process maps object memory";
}

using Numbers = std::vector<int64_t>;

// `size` numbers that only `seed` makes so.
inline Numbers Make(int64_t size, int64_t seed) {
  Numbers numbers(static_cast<size_t>(size));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i * 2654435761U) ^ seed;
  return numbers;
}
// As good as comparing all, for what Make made.
inline bool IsMade(std::span<const int64_t> numbers, int64_t seed) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != (static_cast<int64_t>(i * 2654435761U) ^ seed)) return false;
  }
  return true;
}

}  // namespace orrery::test
