package inspect_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What tests of several rooms share.
const (
	service = kerberostest.Service
)

var (
	readRecorded = kerberostest.ReadRecorded
	allEtypes    = kerberostest.AllEtypes
	now          = kerberostest.Now
	fixedTime    = kerberostest.FixedTime
	newKDC       = kerberostest.NewKDC
	newAcceptor  = kerberostest.NewAcceptor
	mustToken    = kerberostest.MustToken
	code         = kerberostest.Code
)
