// Python as the guest of the runtime's executor: runs tasks, and brings signals into blocked calls. Internal.
#pragma once

#include <pthread.h>
#include <pybind11/pybind11.h>

#include <memory>

#include "runtime/api/guest.h"

namespace orrery::python {

class PythonGuest final : public internal::Guest {
 public:
  // Made once per process, by the thread whose signals count, with the GIL.
  static PythonGuest& Install();
  void Run(const Message& execute, internal::Client& client, std::span<internal::Outgoing* const> results) override;
  void Start(std::shared_ptr<internal::LaterCall> call) override;
  void Cancel(TaskId call) override;
  void Interrupt() override;
  bool Interrupted() override;

 private:
  PythonGuest() : main_thread_(pthread_self()) {}
  const pthread_t main_thread_;
};

void BindLaterCall(pybind11::module_& module);

}  // namespace orrery::python
