// A tree reduction: refs as arguments, so that partial sums go from task to task and none passes through the driver.
#include <orrery/orrery.h>

#include <iostream>
#include <vector>

std::vector<int64_t> Part(int64_t i) { return std::vector<int64_t>(100'000, i); }

std::vector<int64_t> Add(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  std::vector<int64_t> sum(a.size());
  for (size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  return sum;
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    std::vector<orrery::Ref<std::vector<int64_t>>> level;
    for (int64_t i = 0; i < 16; ++i) level.push_back(orrery::remote<&Part>(i));
    while (level.size() > 1) {
      std::vector<orrery::Ref<std::vector<int64_t>>> next;
      for (size_t i = 0; i + 1 < level.size(); i += 2) next.push_back(orrery::remote<&Add>(level[i], level[i + 1]));
      level = std::move(next);
    }
    std::cout << orrery::get(level.front()).back() << "\n";
  });
}
