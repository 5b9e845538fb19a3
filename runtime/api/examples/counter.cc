// An actor: state that calls share. The handle is passed to a task, whose calls count, too.
#include <orrery/orrery.h>

#include <iostream>
#include <stdexcept>

class Counter {
 public:
  explicit Counter(int start) : total_(start) {}
  int Add(int n) {
    if (n < 0) throw std::invalid_argument("only upwards");
    return total_ += n;
  }

 private:
  int total_;
};

int AddTwice(const orrery::Actor<Counter>& counter) {
  counter.call<&Counter::Add>(10);
  return counter.call<&Counter::Add>(10).get();
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    const auto counter = orrery::spawn<Counter>(0);
    std::cout << counter.call<&Counter::Add>(1).get() << "\n";
    std::cout << counter.call<&Counter::Add>(1).get() << "\n";
    std::cout << orrery::remote<&AddTwice>(counter).get() << "\n";
    try {
      counter.call<&Counter::Add>(-1).get();
    } catch (const orrery::TaskError& error) {
      std::cout << error.what() << "\n";  // the actor lives on
    }
    counter.kill();
    try {
      counter.call<&Counter::Add>(1).get();
    } catch (const orrery::ActorDiedError&) {
      std::cout << "the actor has ended\n";
    }
  });
}
