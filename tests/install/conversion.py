import torch

import isospike as iso

torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Conv2d(1, 64, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64 * 36, 10)
)
images = torch.rand(4, 1, 8, 8)
snn = iso.convert(model.eval(), iso.methods.BitCoded(bits=4), data=[images])
snn.save("net.snn")
same = torch.equal(iso.load("net.snn")(images), snn(images)) and iso.verify(model, snn, [images]).exact
print(iso.__file__, "equal" if same else "different")
