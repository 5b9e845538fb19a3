// What goes wrong in a task is thrown by get: the function's own exception, or the end of its worker.
#include <orrery/orrery.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

int Parse(const std::string& text) { return std::stoi(text); }

std::string Flaky() {  // fails twice, then works
  const uint32_t attempt = orrery::context().attempt;
  if (attempt < 2) throw std::runtime_error("attempt " + std::to_string(attempt) + " fails");
  return "attempt " + std::to_string(attempt) + " works";
}

std::string Crash() {  // takes its process down the first time
  if (orrery::context().attempt == 0) std::abort();
  return "survived a dead worker";
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    try {
      orrery::remote<&Parse>("forty-two").get();
    } catch (const orrery::TaskError& error) {
      std::cout << error.what() << "\n";  // std::invalid_argument: stoi
    }
    std::cout << orrery::task<&Flaky>({.max_retries = 3, .retry_exceptions = true})().get() << "\n";
    std::cout << orrery::remote<&Crash>().get() << "\n";  // tasks are retried after crashes by default
    try {
      orrery::task<&Crash>({.max_retries = 0})().get();
    } catch (const orrery::WorkerDiedError&) {
      std::cout << "without retries the caller learns it\n";
    }
  });
}
