// View<E>: the elements of a vector or string where they lie, in the node's shared memory.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace orrery {

// Immutable; 64-byte aligned. The memory stays until the last copy of the view is gone, also when the ref is dropped or
// the node manager ends. A task may take a View<E> where callers give a Ref<std::vector<E>>: that one is valid until
// the task returns.
template <class E>
class View {
 public:
  using value_type = E;
  View() = default;
  // `keep` is what the elements live by.
  View(std::span<const E> elements, std::shared_ptr<const void> keep) : elements_(elements), keep_(std::move(keep)) {}

  const E* data() const { return elements_.data(); }
  size_t size() const { return elements_.size(); }
  bool empty() const { return elements_.empty(); }
  const E* begin() const { return elements_.data(); }
  const E* end() const { return elements_.data() + elements_.size(); }
  const E& operator[](size_t i) const { return elements_[i]; }
  std::span<const E> span() const { return elements_; }
  operator std::span<const E>() const { return elements_; }  // NOLINT(google-explicit-constructor)
  std::basic_string_view<E> text() const
    requires std::same_as<E, char>
  {
    return {data(), size()};
  }

 private:
  std::span<const E> elements_;
  std::shared_ptr<const void> keep_;
};

}  // namespace orrery
