package provider

import (
	"bytes"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"
)

// What is packed on the way in is the same on the way out, whatever of it is null or not known, and other resources stay as they are.
func TestPackedGateways(t *testing.T) {
	texts := rapid.SampledFrom([]any{nil, tftypes.UnknownValue, "", "gateways", "172.17.52.1", "\xff"})
	text := func(t *rapid.T, label string) tftypes.Value {
		return tftypes.NewValue(tftypes.String, texts.Draw(t, label))
	}
	entries := tftypes.Map{ElementType: tftypes.Object{AttributeTypes: map[string]tftypes.Type{"network_id": tftypes.String}}}
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"id": tftypes.String, "gateways": entries}}
	rapid.Check(t, func(t *rapid.T) {
		gateways := map[string]tftypes.Value{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringN(1, 20, 60), 0, 40, rapid.ID).Draw(t, "names") {
			gateways[name] = tftypes.NewValue(entries.ElementType, map[string]tftypes.Value{"network_id": text(t, name)})
		}
		value := rapid.SampledFrom([]any{gateways, nil, tftypes.UnknownValue}).Draw(t, "gateways")
		whole := rapid.SampledFrom([]any{map[string]tftypes.Value{"id": text(t, "id"), "gateways": tftypes.NewValue(entries, value)}, nil}).Draw(t, "object")
		sent, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, whole))
		if err != nil {
			t.Fatal(err)
		}
		got := &sent
		if err := packGateways(gatewaysResource, &got); err != nil {
			t.Fatal(err)
		}
		packed := object
		packed.AttributeTypes = map[string]tftypes.Type{"id": tftypes.String, "gateways": tftypes.String}
		if _, err := got.Unmarshal(packed); err != nil {
			t.Fatalf("the framework cannot read it: %v", err)
		}
		if err := unpackValue(gatewaysResource, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.MsgPack, sent.MsgPack) {
			t.Errorf("%x came back as %x", sent.MsgPack, got.MsgPack)
		}
		other := &sent
		if err := packGateways("vcc_default_gateway", &other); err != nil || other != &sent {
			t.Errorf("another resource was packed: %v", err)
		}
	})
}
