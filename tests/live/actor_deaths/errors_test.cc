// What makes no sense with actors is a definite error that names the reason.
#include <gtest/gtest.h>

#include <string>

#include "runtime/api/orrery.h"
#include "tests/live/actor_deaths/program.h"
#include "tests/live/faults/live_cluster.h"

namespace orrery::test {
namespace {

class Lamp {
 public:
  bool Toggle() { return on_ = !on_; }

 private:
  bool on_ = false;
};
class Bell {
 public:
  int Ring(int times) { return times; }
};

template <class A, auto kMethod, class... As>
concept Calls = requires(const Actor<A>& actor, As... args) { actor.template call<kMethod>(args...); };
static_assert(Calls<Lamp, &Lamp::Toggle> && Calls<Bell, &Bell::Ring, int>);
static_assert(!Calls<Lamp, &Bell::Ring, int>, "a method of another class");
static_assert(!Calls<Bell, &Bell::Ring> && !Calls<Bell, &Bell::Ring, std::string>, "other arguments");

template <class Function>
void ExpectError(StatusCode code, const std::string& part, Function&& function) {
  try {
    function();
    ADD_FAILURE() << "did not throw; expected: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ActorErrors, NamesThatAreUnknownTakenOrOfAnotherClass) {
  LiveCluster cluster({2});
  Program program;
  const auto lamp = actor<Lamp>({.name = "hall"})();
  ExpectError(StatusCode::kNotFound, "no living actor is named 'cellar'", [] { get_actor<Lamp>("cellar"); });
  ExpectError(StatusCode::kAlreadyExists, "the name 'hall' is taken", [] { actor<Lamp>({.name = "hall"})(); });
  ExpectError(StatusCode::kInvalidArgument, "is a ", [] { get_actor<Bell>("hall"); });
  ExpectError(StatusCode::kInvalidArgument, "is a ", [] { actor<Bell>({.name = "hall", .get_if_exists = true})(); });
  EXPECT_TRUE(get_actor<Lamp>("hall").call<&Lamp::Toggle>().get()) << "the first is as it was";
  ExpectError(StatusCode::kInvalidArgument, "for actors with a name", [] { actor<Lamp>({.get_if_exists = true})(); });
}

TEST(ActorErrors, HandlesThatAreEmptyOrDead) {
  LiveCluster cluster({2});
  Program program;
  ExpectError(StatusCode::kInvalidArgument, "empty actor handle", [] { Actor<Lamp>().call<&Lamp::Toggle>(); });
  ExpectError(StatusCode::kInvalidArgument, "empty actor handle", [] { Actor<Lamp>().kill(); });
  const auto lamp = actor<Lamp>({.name = "porch"})();
  EXPECT_TRUE(lamp.call<&Lamp::Toggle>().get());
  lamp.kill();
  ExpectError(StatusCode::kActorDied, "it was killed", [&] { lamp.call<&Lamp::Toggle>().get(); });
  lamp.kill();  // once more is no error
  const auto again = actor<Lamp>({.name = "porch"})();
  EXPECT_TRUE(again.call<&Lamp::Toggle>().get()) << "the name is free, the new one begins anew";
}

TEST(ActorErrors, WhatCanNeverBePlaced) {
  LiveCluster cluster({2});
  Program program;
  const auto lamp = actor<Lamp>({.num_cpus = 64, .strategy = NodeAffinity(NodeId{1})})();
  ExpectError(StatusCode::kInfeasible, "too small", [&] { lamp.call<&Lamp::Toggle>().get(); });
  ExpectError(StatusCode::kInvalidArgument, "", [] { actor<Lamp>({.num_cpus = -1})(); });
}

}  // namespace
}  // namespace orrery::test
