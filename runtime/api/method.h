// Constructors and methods as functions of the process's table: a worker that is an actor runs them on its one object.
// Internal; the public side is actor.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/api/function.h"
#include "runtime/api/ref.h"
#include "runtime/api/stored.h"

namespace orrery::internal {

template <class A>
consteval uint64_t ClassTag() {
  return HashName(TypeName<A>());
}

// The object of the actor that this process is.
void SetActorObject(std::shared_ptr<void> object, uint64_t class_tag);
// Throws Error(kInternal) when this process is no actor of that class.
void* ActorObject(uint64_t class_tag);

// ---- constructors ----

// What travels in place of an argument: text for pointers to characters.
template <class T>
struct TravelsAs {
  using Type = std::conditional_t<std::is_convertible_v<T, std::string> && std::is_pointer_v<std::decay_t<T>>,
                                  std::string, std::remove_cvref_t<T>>;
};
template <class T>
struct ValueOf {
  using Type = typename TravelsAs<T>::Type;
};
template <class T>
struct ValueOf<Ref<T>> {
  using Type = T;
};

// A ref stands for its value where the constructor takes one; else it is passed on as it is.
template <class A, class... As>
struct ConstructorArguments {
  static constexpr bool kByValue = std::is_constructible_v<A, typename ValueOf<std::remove_cvref_t<As>>::Type...>;
  using Parameters = std::conditional_t<kByValue, TypeList<typename ValueOf<std::remove_cvref_t<As>>::Type...>,
                                        TypeList<typename TravelsAs<As>::Type...>>;
};
template <class A, class... As>
concept Constructs = std::is_class_v<A> && (ConstructorArguments<A, As...>::kByValue ||
                                            std::is_constructible_v<A, typename TravelsAs<As>::Type...>);

template <class A, class... Ps>
struct Constructor {
  static void Run(Ps... args) { SetActorObject(std::make_shared<A>(std::move(args)...), ClassTag<A>()); }
};

// ---- methods ----

template <class M>
struct MethodTraits {
  static constexpr bool kIsMethod = false;
};
template <class C, class R, class... Ps>
struct MethodTraits<R (C::*)(Ps...)> {
  static constexpr bool kIsMethod = true;
  using Class = C;
  using Result = R;
  using Parameters = TypeList<Ps...>;
};
template <class C, class R, class... Ps>
struct MethodTraits<R (C::*)(Ps...) const> : MethodTraits<R (C::*)(Ps...)> {};
template <class C, class R, class... Ps>
struct MethodTraits<R (C::*)(Ps...) noexcept> : MethodTraits<R (C::*)(Ps...)> {};
template <class C, class R, class... Ps>
struct MethodTraits<R (C::*)(Ps...) const noexcept> : MethodTraits<R (C::*)(Ps...)> {};

template <auto kMethod>
concept IsMethod = MethodTraits<decltype(kMethod)>::kIsMethod;

// The class whose object the process holds is A itself, so a method of a base of A would find no object: name it as
// A's.
template <auto kMethod, class A>
concept IsMethodOf =
    MethodTraits<decltype(kMethod)>::kIsMethod && std::is_same_v<typename MethodTraits<decltype(kMethod)>::Class, A>;

template <auto kMethod>
struct Method {
  using Traits = MethodTraits<decltype(kMethod)>;
  using Class = typename Traits::Class;
  using Result = std::remove_cvref_t<typename Traits::Result>;

  template <class R, class... Ps>
  struct Invocation {
    static R Run(Ps... args) {
      return (static_cast<Class*>(ActorObject(ClassTag<Class>()))->*kMethod)(std::forward<Ps>(args)...);
    }
  };
  template <class... Ps>
  static constexpr FunctionInfo Describe(TypeList<Ps...> parameters) {
    (void)(sizeof(MustBeEncodable<StoredArgument<Ps>>) + ... + 0);
    CheckResult<Result>();
    using R = typename Traits::Result;
    const uint64_t id = Mix64(HashName(kNameOf<kMethod>.view()) + 1) ^ SignatureOf<Result>(parameters);
    return {kNameOf<kMethod>.view(), id, sizeof...(Ps), &ThunkFor<&Invocation<R, Ps...>::Run, R, Ps...>::Call,
            kIsGenerator<Result>};
  }
  static constexpr FunctionInfo kInfo = Describe(typename Traits::Parameters{});
  inline static const bool registered = RegisterFunction(&kInfo);
  static const FunctionInfo& Info() {
    (void)&registered;
    return kInfo;
  }
};

// The call that only waits for its turn.
struct Nothing {
  static void Run() {}
};
template <>
struct Method<&Nothing::Run> {
  using Result = void;
  static const FunctionInfo& Info() { return InfoFor<&Nothing::Run>(); }
};

}  // namespace orrery::internal
