#include "runtime/api/thrown_stack.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>

namespace orrery::internal {

namespace {

constexpr int kMaxFrames = 48;
struct Noted {
  bool on = false;
  int count = 0;
  std::array<void*, kMaxFrames> frames;
};
Noted& OfThisThread() {
  thread_local Noted noted;
  return noted;
}

std::string NameOf(const Dl_info& info) {
  if (info.dli_sname == nullptr) return "?";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 ? name.get() : info.dli_sname;
}

}  // namespace

void CaptureThrownStacks(bool on) {
  Noted& noted = OfThisThread();
  noted.on = on;
  noted.count = 0;
}

std::string FormatThrownStack() {
  const Noted& noted = OfThisThread();
  std::string text;
  for (int i = 1; i < noted.count; ++i) {  // frame 0 is __cxa_throw
    Dl_info info{};
    if (dladdr(noted.frames[static_cast<size_t>(i)], &info) == 0) continue;
    const std::string name = NameOf(info);
    std::array<char, 64> offset{};
    const auto distance =
        reinterpret_cast<uintptr_t>(noted.frames[static_cast<size_t>(i)]) - reinterpret_cast<uintptr_t>(info.dli_fbase);
    std::snprintf(offset.data(), offset.size(), "+0x%zx", static_cast<size_t>(distance));
    text += "  #" + std::to_string(i - 1) + " " + name + " at " + info.dli_fname + offset.data() + "\n";
    if (name.find("orrery::internal::ThunkFor<") != std::string::npos) break;  // what follows is ours
  }
  return text;
}

}  // namespace orrery::internal

namespace __cxxabiv1 {

extern "C" [[noreturn]] void __cxa_throw(void* exception, std::type_info* type, void (*destructor)(void*)) {
  auto& noted = orrery::internal::OfThisThread();
  if (noted.on) noted.count = backtrace(noted.frames.data(), static_cast<int>(noted.frames.size()));
  using Throw = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto next = reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
  if (next != nullptr) next(exception, type, destructor);
  std::terminate();  // a static C++ runtime has no next one
}

}  // namespace __cxxabiv1
