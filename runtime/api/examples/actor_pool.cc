// A pool of actors that share work, and a queue between a producer and a consumer.
#include <orrery/orrery.h>

#include <iostream>
#include <vector>

class Prover {
 public:
  // Whether n is prime, with what this actor has learnt from earlier calls.
  bool IsPrime(int n) {
    while (primes_.empty() || primes_.back() * primes_.back() < n) Learn();
    for (const int prime : primes_) {
      if (prime * prime > n) break;
      if (n % prime == 0) return false;
    }
    return n > 1;
  }

 private:
  void Learn() {
    int next = primes_.empty() ? 2 : primes_.back() + 1;
    for (; Divisible(next); ++next) {
    }
    primes_.push_back(next);
  }
  bool Divisible(int n) const {
    for (const int prime : primes_) {
      if (n % prime == 0) return true;
    }
    return false;
  }
  std::vector<int> primes_;
};

void Produce(const orrery::Queue<int>& queue, int count) {
  for (int i = 1; i <= count; ++i) queue.put(i);
  queue.put(0);  // the end
}

int Consume(const orrery::Queue<int>& queue) {
  int sum = 0;
  for (int value = queue.get(); value != 0; value = queue.get()) sum += value;
  return sum;
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    orrery::ActorPool<&Prover::IsPrime> pool({orrery::spawn<Prover>(), orrery::spawn<Prover>()});
    int primes = 0;
    for (int n = 0; n < 1000; ++n) pool.submit(n);
    while (pool.has_next()) primes += pool.get_next_unordered();
    std::cout << primes << " primes below 1000\n";

    const auto queue = orrery::Queue<int>::Make(4);  // so small that both must run at once
    const auto sum = orrery::remote<&Consume>(queue);
    orrery::remote<&Produce>(queue, 100).get();
    std::cout << "sum " << sum.get() << "\n";
  });
}
