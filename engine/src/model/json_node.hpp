#pragma once

#include "model/json.hpp"

#include <boost/system/error_code.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::model::json {

enum class kind {
  anything,
  string,
  integer,
  boolean,
  object,
  map,   ///< object of strings with any keys
  keys,  ///< object of anything with any keys
  array,
};

/// For messages: "a string", "an object".
std::string_view name_of(kind value) noexcept;

/// What a \ref shape points to: the kind that is accepted and what to call. Functions that do not belong to the kind are empty.
struct shape::node {
  json::kind kind = json::kind::anything;
  std::function<void()> begin;  ///< anything: seen; object, array: opens
  std::function<void()> begin_element;
  std::function<check(std::string_view)> take_string;
  std::function<void(std::string, std::string)> take_member;
  std::function<void(std::string)> take_key;
  std::function<void(std::uint64_t)> take_integer;
  std::function<void(bool)> take_boolean;
  bool digits = false;  ///< string: an integer is taken as its digits
  std::vector<field> fields;
  unknown_keys others = unknown_keys::skip;
  shape element{nullptr};  ///< of an array
  std::size_t cap = 0;     ///< elements of an array
};

}  // namespace gantry::model::json
