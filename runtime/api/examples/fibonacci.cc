// Tasks that call tasks: a waiting task lends its CPU to its children, so one core is enough.
#include <orrery/orrery.h>

#include <iostream>

long Fibonacci(int n) {
  if (n < 2) return n;
  auto left = orrery::remote<&Fibonacci>(n - 1);
  auto right = orrery::remote<&Fibonacci>(n - 2);
  return left.get() + right.get();
}

long Add(long a, long b) { return a + b; }

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    auto nested = orrery::remote<&Fibonacci>(7);
    // The same sum as a chain: a Ref stands for its value, nobody waits in between.
    orrery::Ref<long> a = orrery::put(0L), b = orrery::put(1L);
    for (int i = 1; i < 7; ++i) {
      orrery::Ref<long> next = orrery::remote<&Add>(a, b);
      a = b;
      b = next;
    }
    std::cout << "nested " << nested.get() << ", chained " << b.get() << "\n";  // nested 13, chained 13
  });
}
