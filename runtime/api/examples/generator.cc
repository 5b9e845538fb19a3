// A generator: its items are worked on while it makes others, and it is never more than two ahead of its reader.
#include <orrery/orrery.h>

#include <iostream>
#include <numeric>
#include <stdexcept>
#include <vector>

orrery::Generator<std::vector<int>> Batches(int count) {
  for (int i = 0; i < count; ++i) co_yield std::vector<int>(100'000, i);
}

int64_t Sum(const std::vector<int>& batch) { return std::accumulate(batch.begin(), batch.end(), int64_t{0}); }

orrery::Generator<int> Fails() {
  co_yield 1;
  throw std::runtime_error("half way");
}

class Source {
 public:
  orrery::Generator<std::string> Words() {
    co_yield "one";
    co_yield "two";
  }
};

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    std::vector<orrery::Ref<int64_t>> sums;
    auto batches = orrery::task<&Batches>({.generator_backpressure = 2})(10);
    for (const auto& batch : batches) sums.push_back(orrery::remote<&Sum>(batch));
    int64_t total = 0;
    for (int64_t sum : orrery::get(sums)) total += sum;
    std::cout << total << "\n";

    auto fails = orrery::task<&Fails>({.max_retries = 0})();
    std::cout << fails.next()->get() << "\n";
    try {
      fails.next()->get();
    } catch (const orrery::TaskError& error) {
      std::cout << error.what() << "\n";
    }
    std::cout << fails.next().has_value() << "\n";

    const auto source = orrery::spawn<Source>();
    auto words = source.call<&Source::Words>();
    for (const auto& word : words) std::cout << word.get() << "\n";
  });
}
