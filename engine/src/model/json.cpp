#include "model/json.hpp"

#include "model/json_node.hpp"

#include <utility>

namespace gantry::model::json {
namespace {

shape make(shape::node value) { return shape(std::make_shared<const shape::node>(std::move(value))); }

shape::node of(kind value) {
  shape::node node;
  node.kind = value;
  return node;
}

}  // namespace

std::string_view name_of(kind value) noexcept {
  switch (value) {
    case kind::string:
      return "a string";
    case kind::integer:
      return "an integer";
    case kind::boolean:
      return "true or false";
    case kind::array:
      return "an array";
    case kind::object:
    case kind::map:
    case kind::keys:
      return "an object";
    case kind::anything:
      break;
  }
  return "anything";
}

shape::shape() {
  static const std::shared_ptr<const node> skipped = std::make_shared<const node>();
  node_ = skipped;  // cppcheck-suppress useInitializationList; the one for all is made here
}

shape::shape(std::shared_ptr<const node> value) : node_(std::move(value)) {}

shape anything(std::function<void()> seen) {
  shape::node node;
  node.begin = std::move(seen);
  return make(std::move(node));
}

shape string(std::function<check(std::string_view)> take) {
  shape::node node = of(kind::string);
  node.take_string = std::move(take);
  return make(std::move(node));
}

shape string_or_integer(std::function<check(std::string_view)> take) {
  shape::node node = of(kind::string);
  node.take_string = std::move(take);
  node.digits = true;
  return make(std::move(node));
}

shape string(std::string& into) {
  return string([&into](std::string_view text) -> check {
    into = text;
    return {};
  });
}

shape integer(std::uint64_t& into) {
  return integer([&into](std::uint64_t number) { into = number; });
}

shape integer(std::function<void(std::uint64_t)> take) {
  shape::node node = of(kind::integer);
  node.take_integer = std::move(take);
  return make(std::move(node));
}

shape boolean(bool& into) {
  return boolean([&into](bool flag) { into = flag; });
}

shape boolean(std::function<void(bool)> take) {
  shape::node node = of(kind::boolean);
  node.take_boolean = std::move(take);
  return make(std::move(node));
}

shape object(std::vector<field> fields, unknown_keys others, std::function<void()> begin) {
  shape::node node = of(kind::object);
  node.fields = std::move(fields);
  node.others = others;
  node.begin = std::move(begin);
  return make(std::move(node));
}

shape map(std::map<std::string, std::string>& into) {
  return map([&into](std::string key, std::string value) { into.emplace(std::move(key), std::move(value)); });
}

shape map(std::function<void(std::string key, std::string value)> take) {
  shape::node node = of(kind::map);
  node.take_member = std::move(take);
  return make(std::move(node));
}

shape keys(std::function<void(std::string key)> take) {
  shape::node node = of(kind::keys);
  node.take_key = std::move(take);
  return make(std::move(node));
}

shape array(shape element, std::function<void()> begin_element, std::size_t cap, std::function<void()> begin) {
  shape::node node = of(kind::array);
  node.element = std::move(element);
  node.begin_element = std::move(begin_element);
  node.cap = cap;
  node.begin = std::move(begin);
  return make(std::move(node));
}

shape strings(std::vector<std::string>& into, std::size_t cap) {
  return strings([&into]() -> std::vector<std::string>& { return into; }, cap);
}

shape strings(std::function<std::vector<std::string>&()> into, std::size_t cap) {
  const auto append = [into = std::move(into)](std::string_view text) -> check {
    into().emplace_back(text);
    return {};
  };
  return array(string(append), {}, cap);
}

}  // namespace gantry::model::json
