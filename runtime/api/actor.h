// Actors: objects of a class that live in a process of their own, and handles to call them by.
//
//   class Counter {
//    public:
//     int Add(int n) { return total_ += n; }
//    private:
//     int total_ = 0;
//   };
//   orrery::Actor<Counter> counter = orrery::spawn<Counter>();
//   counter.call<&Counter::Add>(1).get();  // 1
//   counter.call<&Counter::Add>(1).get();  // 2
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/api/actor_options.h"
#include "runtime/api/codec_ref.h"
#include "runtime/api/method.h"
#include "runtime/api/ref.h"
#include "runtime/api/task.h"

namespace orrery {

namespace internal {

// What a handle is, whatever the class.
struct ActorHandle {
  ActorId id;
  ObjectRef keeper;  // keeps the actor alive; empty in a handle found by name, and of a detached actor
  int32_t max_task_retries = 0;
  int64_t max_pending_calls = -1;
  bool out_of_order = false;
  uint64_t cluster = 0;
};

// Hands the creation over; a handle to the actor, or (get_if_exists) to the one that has its name.
ActorHandle Create(Submission& submission, const ActorOptions& options, uint64_t class_tag,
                   const std::string& class_name);
// A living actor by its name, whatever its class; throws Error(kNotFound).
struct FoundActor {
  ActorHandle handle;
  uint64_t class_tag = 0;
  std::string class_name;
};
FoundActor Find(const std::string& name, const std::string& name_space);
ActorHandle FindByName(const std::string& name, const std::string& name_space, uint64_t class_tag,
                       const std::string& class_name);
// `group`: of the actor, where the call runs; empty: where its method does.
ObjectState* CallActor(Submission& submission, const ActorHandle& actor, const std::string& group);
void KillActor(const ActorHandle& actor, bool no_restart);
void Encode(const ActorHandle& actor, uint64_t class_tag, Writer& out);
ActorHandle DecodeActor(Reader& in, uint64_t class_tag, std::string_view class_name);

template <class A, class... Ps, class... As>
ActorHandle StartActor(const ActorOptions& options, TypeList<Ps...>, As&&... args) {
  Submission submission(InfoFor<&Constructor<A, Ps...>::Run>(), 0, nullptr);
  (AddArgument<Ps>(submission, std::forward<As>(args)), ...);
  return Create(submission, options, ClassTag<A>(), std::string(TypeName<A>()));
}

template <auto kMethod, class... Ps, class... As>
auto StartCall(const ActorHandle& actor, const std::string& group, TypeList<Ps...>, As&&... args) {
  Submission submission(Method<kMethod>::Info(), 0, nullptr);
  (AddArgument<Ps>(submission, std::forward<As>(args)), ...);
  return Returned<typename Method<kMethod>::Result>(CallActor(submission, actor, group));
}

}  // namespace internal

// A handle; copies, those inside values and arguments included, keep the actor alive, unless it was found by name or is
// detached. Calls made through handles of one process begin in the order in which they were made; each ends before the
// next begins, unless the actor is a concurrent one (ActorOptions). Threads may share a
// handle.
template <class A>
class Actor {
 public:
  using Class = A;
  Actor() = default;
  explicit Actor(internal::ActorHandle handle) : handle_(std::move(handle)) {}

  // Calls a method; returns at once. The ref throws ActorDiedError when the actor has ended, ActorUnavailableError when
  // it was lost during the call and max_task_retries allows no further attempt.
  template <auto kMethod, class... As>
    requires internal::IsMethodOf<kMethod, A> &&
             internal::kAccepts<typename internal::MethodTraits<decltype(kMethod)>::Parameters, As...>
  auto call(As&&... args) const {
    using Parameters = typename internal::MethodTraits<decltype(kMethod)>::Parameters;
    return internal::StartCall<kMethod>(handle_, group_, Parameters{}, std::forward<As>(args)...);
  }
  // Has a value when the actor takes calls; throws why it never will.
  Ref<void> ready() const { return internal::StartCall<&internal::Nothing::Run>(handle_, group_, TypeList<>{}); }
  // The same actor; calls through this handle run in that concurrency group. The ref of a call throws
  // Error(kInvalidArgument) when the actor has no such group.
  Actor in_group(std::string name) const {
    Actor other(handle_);
    other.group_ = std::move(name);
    return other;
  }
  // Ends the actor's process. With `no_restart` that is the actor's end; otherwise max_restarts counts.
  void kill(bool no_restart = true) const { internal::KillActor(handle_, no_restart); }

  ActorId id() const { return handle_.id; }
  explicit operator bool() const { return static_cast<bool>(handle_.id); }
  bool operator==(const Actor& other) const { return id() == other.id(); }
  // For the runtime.
  const internal::ActorHandle& handle() const { return handle_; }

 private:
  internal::ActorHandle handle_;
  std::string group_;  // of this handle only: does not travel
};

// A class with options: orrery::actor<Counter>({.name = "total", .max_restarts = 3})(args…).
template <class A>
class ActorClass {
 public:
  explicit ActorClass(ActorOptions options) : options_(std::move(options)) {}
  template <class... As>
    requires internal::Constructs<A, As...>
  Actor<A> operator()(As&&... args) const {
    using Parameters = typename internal::ConstructorArguments<A, As...>::Parameters;
    return Actor<A>(internal::StartActor<A>(options_, Parameters{}, std::forward<As>(args)...));
  }

 private:
  ActorOptions options_;
};
template <class A>
ActorClass<A> actor(ActorOptions options) {
  return ActorClass<A>(std::move(options));
}

// Starts an A with these constructor arguments in a process of its own. Returns at once.
template <class A, class... As>
  requires internal::Constructs<A, As...>
Actor<A> spawn(As&&... args) {
  return ActorClass<A>(ActorOptions{})(std::forward<As>(args)...);
}

// A living actor by its name; `name_space` is this job's own unless given. Throws Error(kNotFound), and
// Error(kInvalidArgument) when the actor is of another class. Such a handle does not keep the actor alive.
template <class A>
Actor<A> get_actor(const std::string& name, const std::string& name_space = "") {
  return Actor<A>(
      internal::FindByName(name, name_space, internal::ClassTag<A>(), std::string(internal::TypeName<A>())));
}

// For ConcurrencyGroup::methods.
template <auto kMethod>
  requires internal::IsMethod<kMethod>
MethodId method_id() {
  return {internal::Method<kMethod>::Info().id};
}

// Within a method: ends this actor for good. Does not return; the caller of the method gets ActorDiedError, and so do
// those whose calls run beside it or wait.
[[noreturn]] void exit_actor();

template <class A>
struct Codec<Actor<A>> {
  static constexpr bool kSupported = true;
  static constexpr uint64_t kTag = HashName("actor");
  using Parts = TypeList<>;
  static void Encode(const Actor<A>& actor, Writer& out) {
    internal::Encode(actor.handle(), internal::ClassTag<A>(), out);
  }
  static Actor<A> Decode(Reader& in) {
    return Actor<A>(internal::DecodeActor(in, internal::ClassTag<A>(), internal::TypeName<A>()));
  }
};

}  // namespace orrery
