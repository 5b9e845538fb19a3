// A pool of actors that share the calls of one method (Ray's ActorPool).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/api/actor.h"
#include "runtime/api/errors.h"
#include "runtime/api/get.h"

namespace orrery {

// Hands each call to an actor that is idle, and keeps what is left until one is:
//
//   orrery::ActorPool<&Worker::Square> pool(workers);
//   for (int i = 0; i < 100; ++i) pool.submit(i);
//   while (pool.has_next()) sum += pool.get_next_unordered();
//
// For one thread. The actors live as long as the pool, or a handle elsewhere.
template <auto kMethod>
  requires internal::IsMethod<kMethod>
class ActorPool {
 public:
  using Class = typename internal::MethodTraits<decltype(kMethod)>::Class;
  using Parameters = typename internal::MethodTraits<decltype(kMethod)>::Parameters;
  using Result = typename internal::Method<kMethod>::Result;

  explicit ActorPool(std::vector<Actor<Class>> actors) : idle_(std::move(actors)) {}

  // Adds a call; begins it when an actor is idle. The arguments are kept until then.
  template <class... As>
    requires internal::kAccepts<Parameters, As...>
  void submit(As&&... args) {
    waiting_.push_back([kept = std::tuple<std::decay_t<As>...>(std::forward<As>(args)...)](const Actor<Class>& actor) {
      return std::apply([&](const auto&... each) { return actor.template call<kMethod>(each...); }, kept);
    });
    Begin();
  }

  // Results are to come.
  bool has_next() const { return !begun_.empty() || !waiting_.empty(); }
  // The next result in the order of submission. Throws the call's error; Error(kInvalidArgument) when none is to come.
  Result get_next() {
    CheckNext();
    return Take(begun_.begin()->first);
  }
  // The result of whichever call ends first.
  Result get_next_unordered() {
    CheckNext();
    std::vector<Ref<Result>> refs;
    for (const auto& [number, call] : begun_) refs.push_back(call.ref);
    const Ref<Result> first = wait(refs, 1).ready.front();
    for (const auto& [number, call] : begun_) {
      if (call.ref == first) return Take(number);
    }
    throw Error(StatusCode::kInternal, "a pool has lost a call");
  }

  // An actor is idle and nothing waits.
  bool has_free() const { return !idle_.empty() && waiting_.empty(); }
  // Adds an actor.
  void push(Actor<Class> actor) {
    idle_.push_back(std::move(actor));
    Begin();
  }
  // Takes an idle actor out of the pool.
  std::optional<Actor<Class>> pop_idle() {
    if (!has_free()) return std::nullopt;
    Actor<Class> actor = std::move(idle_.back());
    idle_.pop_back();
    return actor;
  }

 private:
  struct Begun {
    Ref<Result> ref;
    Actor<Class> actor;
  };
  void Begin() {
    for (; !idle_.empty() && !waiting_.empty(); waiting_.pop_front()) {
      Actor<Class> actor = std::move(idle_.back());
      idle_.pop_back();
      Ref<Result> ref = waiting_.front()(actor);
      begun_.emplace(++submitted_, Begun{std::move(ref), std::move(actor)});
    }
  }
  void CheckNext() const {
    if (!has_next()) throw Error(StatusCode::kInvalidArgument, "the pool has no more results");
    if (begun_.empty()) throw Error(StatusCode::kInvalidArgument, "the pool has no actors for the calls that wait");
  }
  Result Take(uint64_t number) {
    const Ref<Result> ref = begun_.at(number).ref;
    wait(std::vector{ref}, 1);  // its actor is idle then, also when the call has failed
    idle_.push_back(std::move(begun_.at(number).actor));
    begun_.erase(number);
    Begin();
    return get(ref);
  }

  std::vector<Actor<Class>> idle_;
  std::map<uint64_t, Begun> begun_;  // by number, in the order of submission
  std::deque<std::function<Ref<Result>(const Actor<Class>&)>> waiting_;
  uint64_t submitted_ = 0;
};

}  // namespace orrery
