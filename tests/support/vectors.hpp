#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace gantry::test {

/// One fact of a table: `input`, `expected`, where it comes from. Further members of the row are in \ref members.
struct vector_row {
  boost::json::value input;
  boost::json::value expected;
  std::string source;
  boost::json::object members;  ///< the row as it stands, for notes and extra columns

  /// A member of `input`, or of `expected`, as text; empty when it is absent or null.
  std::string in(std::string_view key) const;
  std::string out(std::string_view key) const;
  /// A boolean member of `expected`; false when it is absent.
  bool out_true(std::string_view key) const;
};

/// Runs \p check for every row of `<table>.json` in the directory that the environment variable GANTRY_VECTORS names (default tests/vectors
/// of this source tree). Inside \p check, CHECK reports a failure together with the row's input and source; do not use REQUIRE, it would
/// end the whole table. An exception counts as a failure of that row.
///
/// A table that is absent is a failure, in a directory of GANTRY_VECTORS a warning. Rows that `tests/vectors/DECISIONS.md` lists for the
/// table are skipped and counted, one list item a row:
///
///     - `table.json` `<input as JSON>`: reason
///
/// With the default directory, a decision that matches no row is a failure.
void for_each_row(const std::string& table, const std::function<void(const vector_row&)>& check);

}  // namespace gantry::test
