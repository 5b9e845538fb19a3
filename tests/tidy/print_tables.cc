// Prints every table and drawing that ARCHITECTURE.md shows between markers; tests/tidy compares, `./dev tables` rewrites.
#include <cstdio>
#include <string_view>

#include "runtime/messages/kinds.h"

namespace {

struct Section {
  const char* name;  // as in the markers
  std::string_view (*print)();
};

// A new one: add its line here and its markers to the page.
constexpr Section kSections[] = {
    {"messages", &orrery::MessageTableMarkdown},
};

}  // namespace

int main() {
  for (const Section& section : kSections) {
    const std::string_view text = section.print();
    std::printf("=== %s\n%.*s\n", section.name, static_cast<int>(text.size()), text.data());
  }
}
