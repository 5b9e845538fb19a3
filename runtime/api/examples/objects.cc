// Large values: written once into the node's shared memory, read there without a copy, passed on by reference. The
// numbers here take 80 MB; what travels between the processes are their names.
#include <orrery/orrery.h>

#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

using Numbers = std::vector<int64_t>;

Numbers Count(int64_t from, int64_t to) {  // the result goes straight into shared memory
  Numbers numbers(static_cast<size_t>(to - from));
  std::iota(numbers.begin(), numbers.end(), from);
  return numbers;
}

int64_t Sum(orrery::View<int64_t> numbers) {  // looks at them where they lie
  return std::accumulate(numbers.begin(), numbers.end(), int64_t{0});
}

struct Parts {  // refs may travel inside values; whoever has one keeps what it names alive
  std::vector<orrery::Ref<Numbers>> all;
};

int64_t SumOfParts(const Parts& parts) {
  int64_t sum = 0;
  for (const auto& part : parts.all) sum += orrery::remote<&Sum>(part).get();
  return sum;
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    constexpr int64_t kMillion = 1'000'000;
    const auto numbers = orrery::put(Count(0, kMillion));
    std::printf("of one: %lld\n", static_cast<long long>(orrery::remote<&Sum>(numbers).get()));

    Parts parts;
    for (int64_t i = 0; i < 9; ++i) parts.all.push_back(orrery::remote<&Count>(i * kMillion, (i + 1) * kMillion));
    std::printf("of nine: %lld\n", static_cast<long long>(orrery::remote<&SumOfParts>(parts).get()));

    const orrery::View<int64_t> view = parts.all[8].view();  // stays valid as long as the view does
    parts.all.clear();
    std::printf("last: %lld\n", static_cast<long long>(view[view.size() - 1]));
  });
}
