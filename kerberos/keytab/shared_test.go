package keytab_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What the tests of several packages share.
var (
	mitEnctypes  = kerberostest.MITEnctypes
	passwordKeys = kerberostest.PasswordKeys
)
