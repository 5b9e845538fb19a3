// A table for keys that are handed out in order, such as task indices: neighbours lie together, nothing ever moves.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/common/assert.h"
#include "runtime/common/lookup.h"

namespace orrery {

// Find costs an array access while successive keys are near one another, a hash look-up otherwise. Pointers stay valid
// until Erase. A page lives while one of its values does, so it should be small where few values live long. Cannot be
// iterated. Value must be default constructible; Erase sets it back to Value{}.
template <class Value, size_t kPageSize = 16>
class PagedTable {
  static_assert((kPageSize & (kPageSize - 1)) == 0 && kPageSize <= 64);

 public:
  Value* Find(uint64_t key) {
    Page* page = PageOf(key);
    return page != nullptr && (page->used >> Slot(key) & 1) != 0 ? &page->values[Slot(key)] : nullptr;
  }
  const Value* Find(uint64_t key) const { return const_cast<PagedTable*>(this)->Find(key); }
  // The value of a key, made if it was absent, and whether it was.
  std::pair<Value*, bool> Insert(uint64_t key) {
    Page* page = PageOf(key);
    if (page == nullptr) page = AddPage(key);
    const bool is_new = (page->used >> Slot(key) & 1) == 0;
    page->used |= uint64_t{1} << Slot(key);
    size_ += is_new ? 1 : 0;
    return {&page->values[Slot(key)], is_new};
  }
  // The value leaves the table; the key must be present.
  Value Take(uint64_t key) {
    Value* value = Find(key);
    ORRERY_ASSERT(value != nullptr);
    Value taken = std::move(*value);
    Erase(key);
    return taken;
  }
  bool Erase(uint64_t key) {
    Page* page = PageOf(key);
    if (page == nullptr || (page->used >> Slot(key) & 1) == 0) return false;
    page->values[Slot(key)] = Value{};
    page->used &= ~(uint64_t{1} << Slot(key));
    --size_;
    if (page->used == 0) RemovePage(key);
    return true;
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Appends every key, in no order: the caller sorts before it acts.
  template <class Keys>
  void CollectKeys(Keys& keys) const {
    std::vector<uint64_t> numbers;
    pages_.CollectKeys(numbers);
    for (uint64_t number : numbers) {
      const Page& page = **pages_.Find(number);
      for (size_t slot = 0; slot < kPageSize; ++slot) {
        if ((page.used >> slot & 1) != 0) keys.push_back(number * kPageSize + slot);
      }
    }
  }

 private:
  struct Page {
    uint64_t used = 0;  // one bit per slot
    std::array<Value, kPageSize> values{};
  };
  static constexpr size_t kSpare = 64;
  static constexpr uint64_t kNone = ~uint64_t{0};
  static size_t Slot(uint64_t key) { return static_cast<size_t>(key & (kPageSize - 1)); }

  Page* PageOf(uint64_t key) {
    const uint64_t number = key / kPageSize;
    if (number == last_number_) return last_page_;
    auto* page = pages_.Find(number);
    if (page == nullptr) return nullptr;
    last_number_ = number;
    return last_page_ = page->get();
  }
  Page* AddPage(uint64_t key) {
    std::unique_ptr<Page> page;
    if (spare_.empty()) {
      page = std::make_unique<Page>();
    } else {
      page = std::move(spare_.back());
      spare_.pop_back();
    }
    last_number_ = key / kPageSize;
    last_page_ = page.get();
    pages_.Insert(last_number_, std::move(page));
    return last_page_;
  }
  void RemovePage(uint64_t key) {
    const uint64_t number = key / kPageSize;
    if (spare_.size() < kSpare) spare_.push_back(std::move(*pages_.Find(number)));
    pages_.Erase(number);
    if (last_number_ == number) last_number_ = kNone;
  }

  Lookup<uint64_t, std::unique_ptr<Page>> pages_;
  std::vector<std::unique_ptr<Page>> spare_;  // empty ones
  uint64_t last_number_ = kNone;              // the page of the last look-up
  Page* last_page_ = nullptr;
  size_t size_ = 0;
};

}  // namespace orrery
