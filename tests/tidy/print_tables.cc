// Prints every table and drawing that ARCHITECTURE.md shows between markers; tests/tidy compares, `./dev tables`
// rewrites.
#include <cstdio>
#include <string>
#include <string_view>

#include "runtime/autoscaler/instance.h"
#include "runtime/core_worker/task_manager.h"
#include "runtime/core_worker/task_submitter.h"
#include "runtime/gcs/actor_record.h"
#include "runtime/gcs/node_table.h"
#include "runtime/messages/kinds.h"
#include "runtime/node_manager/lease_manager.h"
#include "runtime/node_manager/worker_pool.h"

namespace {

struct Section {
  const char* name;  // as in the markers
  std::string_view (*print)();
};

// Every StateChart, as Mermaid.
std::string_view StateDrawings() {
  static const std::string text = [] {
    std::string drawings;
    for (const orrery::StateChart* chart :
         {&orrery::OwnedTask::Chart(), &orrery::TaskSubmitter::Chart(), &orrery::LeaseManager::Chart(),
          &orrery::WorkerPool::Chart(), &orrery::NodeInfo::Chart(), &orrery::ActorRecord::Chart(), &orrery::Instance::Chart()}) {
      drawings += "**" + std::string(chart->machine()) + "**\n\n```mermaid\n" + chart->ToMermaid() + "```\n\n";
    }
    drawings.pop_back();
    return drawings;
  }();
  return text;
}

// A new one: add its line here and its markers to the page.
constexpr Section kSections[] = {
    {"messages", &orrery::MessageTableMarkdown},
    {"states", &StateDrawings},
};

}  // namespace

int main() {
  for (const Section& section : kSections) {
    const std::string_view text = section.print();
    std::printf("=== %s\n%.*s\n", section.name, static_cast<int>(text.size()), text.data());
  }
}
