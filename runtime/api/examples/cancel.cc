// Giving up: time-outs leave the task running, cancel asks it to stop, force makes it.
#include <orrery/orrery.h>

#include <chrono>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

int Patient() {  // looks now and then whether anybody still wants it
  while (!orrery::cancelled()) std::this_thread::sleep_for(1ms);
  throw orrery::CancelledError("stopped halfway");
}

int Stubborn() {
  while (true) std::this_thread::sleep_for(1s);
}

void Expect(const orrery::Ref<int>& ref, const char* how) {
  try {
    ref.get();
  } catch (const orrery::CancelledError&) {
    std::cout << how << "\n";
  }
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    auto patient = orrery::remote<&Patient>();
    try {
      patient.get(50ms);
    } catch (const orrery::TimeoutError&) {
      std::cout << "still running\n";
    }
    orrery::cancel(patient);
    Expect(patient, "it stopped by itself");
    auto stubborn = orrery::remote<&Stubborn>();
    orrery::wait(std::vector{stubborn}, 1, 200ms);
    orrery::cancel(stubborn, {.force = true});
    Expect(stubborn, "it was stopped");
  });
}
