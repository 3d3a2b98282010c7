#include "exit_code.hpp"

#include "support/catch.hpp"

#include <boost/asio/error.hpp>

#include <utility>

using namespace gantry;
using gantry::app::exit_code_of;
using code = gantry::app::exit_code;

TEST_CASE("each error of the engine has the exit code that the contract says") {
  const std::pair<errc, code> rows[] = {
      {errc::invalid_reference, code::usage},
      {errc::invalid_platform, code::usage},
      {errc::invalid_option, code::usage},
      {errc::not_an_image, code::failed},
      {errc::unauthorized, code::not_authorised},
      {errc::forbidden, code::not_authorised},
      {errc::bad_credentials, code::not_authorised},
      {errc::insecure_transport, code::not_authorised},
      {errc::not_found, code::not_found},
      {errc::platform_not_found, code::not_found},
      {errc::file_not_found, code::not_found},
      {errc::digest_mismatch, code::integrity},
      {errc::size_mismatch, code::integrity},
      {errc::malformed_document, code::integrity},
      {errc::connection_refused, code::failed},
      {errc::name_not_resolved, code::failed},
      {errc::tls_expected, code::failed},
      {errc::tls_not_trusted, code::failed},
      {errc::server_error, code::failed},
      {errc::retries_exhausted, code::failed},
      {errc::rate_limited, code::rate_limited},
      {errc::no_space, code::storage},
      {errc::access_denied, code::storage},
      {errc::storage_error, code::storage},
      {errc::in_use, code::storage},
      {errc::partial_failure, code::partial},
      {errc::cancelled, code::interrupted},
      {errc::internal_error, code::failed},
      {errc::sink_failed, code::failed},
  };
  for (const auto& [error, wanted] : rows) {
    INFO(make_error_code(error).message());
    CHECK(exit_code_of(make_error_code(error)) == wanted);
  }
  CHECK(exit_code_of(error_code()) == code::done);
  CHECK(exit_code_of(boost::asio::error::connection_reset) == code::failed);
}
