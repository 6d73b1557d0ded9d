/// \file
/// The `main` of every test program.

#ifndef BOOST_TEST_DYN_LINK
#define BOOST_TEST_DYN_LINK
#endif
#ifndef BOOST_TEST_MODULE
#define BOOST_TEST_MODULE socketserver
#endif
#include <boost/test/unit_test.hpp>
