package keytab_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What tests of several rooms share.
var (
	mitEnctypes  = kerberostest.MITEnctypes
	passwordKeys = kerberostest.PasswordKeys
)
