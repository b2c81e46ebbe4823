package inspect_test

import (
	"github.com/wssgate/wssgate/kerberos/internal/kerberostest"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// What the tests of several packages share.
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

func tokenOptions(flags uint32) krbtest.TokenOptions { return krbtest.TokenOptions{GSSFlags: flags} }
