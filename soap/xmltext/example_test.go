package xmltext_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/wssgate/wssgate/soap/xmltext"
)

const envelope = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:u="urn:utility">
  <s:Header/>
  <s:Body u:Id="body"><order xmlns='urn:example' number = "7"/></s:Body>
</s:Envelope>`

const soap12 = "http://www.w3.org/2003/05/soap-envelope"

func ExampleScan() {
	doc, err := xmltext.Scan([]byte(envelope), xmltext.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	order := doc.Root().Child(soap12, "Body").Child("urn:example", "order")
	number, _ := order.Attr("", "number")
	fmt.Println(order.Name(), order.Path(), number)
	// Output: {urn:example}order /Envelope/Body/order 7
}

func ExampleSyntaxError() {
	_, err := xmltext.Scan([]byte(`<a><b k="1" k="2"/></a>`), xmltext.Options{})
	fmt.Println(err)
	fmt.Println(errors.Is(err, xmltext.ErrDuplicateAttribute))
	// Output:
	// xml: duplicate attribute at octet 12 in /a
	// true
}

func ExampleNode_AppendCanonical() {
	doc, _ := xmltext.Scan([]byte(envelope), xmltext.Options{})
	body := doc.Root().Child(soap12, "Body")
	fmt.Printf("%s\n", body.AppendCanonical(nil, xmltext.C14N{}))
	// Output: <s:Body xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:u="urn:utility" u:Id="body"><order xmlns="urn:example" number="7"></order></s:Body>
}

func ExampleNode_WriteCanonical() {
	doc, _ := xmltext.Scan([]byte(envelope), xmltext.Options{})
	h := sha256.New()
	_ = doc.Root().WriteCanonical(h, xmltext.C14N{Prefixes: []string{"u"}})
	fmt.Printf("%x\n", h.Sum(nil)[:8])
	// Output: 54328d4c946aa36b
}

func ExampleNode_Graft() {
	doc, _ := xmltext.Scan([]byte(`<Body xmlns:p="urn:p"><EncryptedData/></Body>`), xmltext.Options{})
	encrypted := doc.Root().FirstChild()
	if err := encrypted.Graft([]byte(`<p:secret>42</p:secret>`), xmltext.GraftElement, xmltext.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Root().Child("urn:p", "secret").Text())
	_ = doc.Root().WriteCanonical(os.Stdout, xmltext.C14N{})
	// Output:
	// 42
	// <Body><p:secret xmlns:p="urn:p">42</p:secret></Body>
}

func ExampleNode_AppendDetached() {
	doc, _ := xmltext.Scan([]byte(envelope), xmltext.Options{})
	fmt.Printf("%s\n", doc.Root().Child(soap12, "Body").FirstChild().AppendDetached(nil))
	// Output: <order xmlns="urn:example" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:u="urn:utility" number="7"/>
}
